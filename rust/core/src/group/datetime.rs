//! OS group: date and time as text.
//!
//! Clients disagree about fractions and zones, so the parser takes all forms seen in the field:
//! `YYYY-MM-DD?hh:mm:ss`, any separator, an optional fraction of 1 to 9 digits, an optional `Z`,
//! `±hhmm` or `±hh:mm`.

use crate::server::{Datetime, Host};
use crate::smp::{os, rc, Command, Fail, Reply};
use crate::Error;

/// Answer one of the two commands.
pub fn datetime<H: Host>(
    host: &mut H,
    command: Command,
    text: &[u8],
    reply: &mut Reply<'_>,
) -> Result<(), Fail> {
    let result = if command == Command::DatetimeGet {
        host.datetime()
            .map(|time| reply.ascii("datetime", &format(&time)))
    } else {
        let time = parse(text).ok_or(Fail::smp(rc::INVALID))?;
        host.set_datetime(&time)
    };
    result.map_err(|error| match error {
        Error::NOSYS => Fail::smp(rc::NOT_SUPPORTED),
        Error::NOENT => os::CLOCK_NOT_SET,
        _ => os::CLOCK_FAILED,
    })
}

/// `YYYY-MM-DDThh:mm:ss.mmm`: without a zone, which one of the clients cannot read.
fn format(time: &Datetime) -> [u8; 23] {
    let mut text = *b"0000-00-00T00:00:00.000";
    let fields = [
        (4, time.year),
        (7, time.month.into()),
        (10, time.day.into()),
        (13, time.hour.into()),
        (16, time.minute.into()),
        (19, time.second.into()),
        (23, time.millisecond),
    ];
    for (end, value) in fields {
        let mut rest = value;
        for digit in text.get_mut(..end).unwrap_or_default().iter_mut().rev() {
            if !digit.is_ascii_digit() {
                break;
            }
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    text
}

fn digits(text: &[u8]) -> Option<u16> {
    let mut value: u16 = 0;
    for byte in text {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        value = value.checked_mul(10)?.checked_add(u16::from(digit))?;
    }
    Some(value)
}

fn field(text: &[u8], at: usize, low: u16, high: u16) -> Option<u8> {
    let value = digits(text.get(at..at + 2)?)?;
    (low..=high).contains(&value).then_some(value as u8)
}

fn parse(text: &[u8]) -> Option<Datetime> {
    let (head, tail) = text.split_at_checked(19)?;
    let fixed = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if fixed.iter().any(|(at, mark)| head.get(*at) != Some(mark)) {
        return None;
    }
    let mut time = Datetime {
        year: digits(head.get(..4)?).filter(|year| *year >= 1900)?,
        month: field(head, 5, 1, 12)?,
        day: field(head, 8, 1, 31)?,
        hour: field(head, 11, 0, 23)?,
        minute: field(head, 14, 0, 59)?,
        second: field(head, 17, 0, 60)?,
        ..Datetime::default()
    };
    let zone = match tail {
        [b'.', rest @ ..] => fraction(rest, &mut time)?,
        _ => tail,
    };
    offset(zone, &mut time)?;
    Some(time)
}

/// 1 to 9 digits, of which three are kept. Returns what is behind them.
fn fraction<'t>(text: &'t [u8], time: &mut Datetime) -> Option<&'t [u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > 9 {
        return None;
    }
    let mut scale = 100;
    for byte in text.iter().take(count.min(3)) {
        time.millisecond += u16::from(byte - b'0') * scale;
        scale /= 10;
    }
    text.get(count..)
}

fn offset(zone: &[u8], time: &mut Datetime) -> Option<()> {
    let (sign, hours, minutes) = match zone {
        [] => return Some(()),
        [b'Z' | b'z'] => (1, 0, 0),
        [sign @ (b'+' | b'-'), h1, h0, rest @ ..] => {
            let minutes = match rest {
                [b':', m1, m0] | [m1, m0] => field(&[*m1, *m0], 0, 0, 59)?,
                _ => return None,
            };
            let sign = if *sign == b'-' { -1 } else { 1 };
            (sign, field(&[*h1, *h0], 0, 0, 14)?, minutes)
        }
        _ => return None,
    };
    time.has_offset = 1;
    time.offset_minutes = sign * (i16::from(hours) * 60 + i16::from(minutes));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_clients_send_is_read() {
        let forms: [(&str, u16, u8, i16); 7] = [
            ("2026-11-21T08:51:07", 0, 0, 0),
            ("2026-11-21 08:51:07", 0, 0, 0),
            ("2026-11-21T08:51:07.5", 500, 0, 0),
            ("2026-11-21T08:51:07.123456+0100", 123, 1, 60),
            ("2026-11-21T08:51:07-05:30", 0, 1, -330),
            ("2026-11-21T08:51:07Z", 0, 1, 0),
            ("2026-11-21T08:51:07.042", 42, 0, 0),
        ];
        for (text, millisecond, has_offset, minutes) in forms {
            let time = parse(text.as_bytes());
            let expected = Datetime {
                year: 2026,
                month: 11,
                day: 21,
                hour: 8,
                minute: 51,
                second: 7,
                has_offset,
                millisecond,
                offset_minutes: minutes,
            };
            assert_eq!(time, Some(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "2026-11-21",
            "2026-13-21T08:51:07",
            "2026-11-21T24:51:07",
            "1899-11-21T08:51:07",
            "2026-11-21T08:51:07.",
            "2026-11-21T08:51:07.1234567890",
            "2026-11-21T08:51:07+1",
            "2026-11-21T08:51:07 UTC",
            "2026/11/21T08:51:07",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_told_is_what_was_set() {
        let time = parse(b"2026-01-02T03:04:05.678").unwrap_or_default();
        assert_eq!(&format(&time), b"2026-01-02T03:04:05.678");
    }
}
