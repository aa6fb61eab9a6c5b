//! Judging replies without knowing what was asked.

use super::client::{answer, Answer};
use super::Watch;

/// Bytes of one CBOR item, or None if it is not well-formed.
pub fn item(bytes: &[u8]) -> Option<usize> {
    let (first, mut at) = (*bytes.first()?, 1);
    let info = first & 0x1F;
    let mut argument = u64::from(info);
    if (24..=27).contains(&info) {
        let len = 1 << (info - 24);
        argument = bytes
            .get(at..at + len)?
            .iter()
            .fold(0, |sum, b| sum << 8 | u64::from(*b));
        at += len;
    } else if info > 27 && info != 31 {
        return None;
    }
    let major = first >> 5;
    let inner = match major {
        0 | 1 if info != 31 => 0,
        2 | 3 if info != 31 => return bytes.get(..at + argument as usize).map(<[u8]>::len),
        4 | 5 if info == 31 => u64::MAX,
        4 => argument,
        5 => 2 * argument,
        6 => 1,
        7 if info != 31 => 0,
        _ => return None,
    };
    for count in 0..inner {
        if inner == u64::MAX && bytes.get(at) == Some(&0xFF) {
            return (major == 4 || count % 2 == 0).then_some(at + 1);
        }
        at += item(bytes.get(at..)?)?;
    }
    Some(at)
}

/// A reply to `request` that any client can read: matching header, one whole map.
pub fn assert_well_formed(request: &[u8], reply: &[u8]) {
    assert!(reply.len() >= 9 && reply.len() <= 2500, "{reply:02x?}");
    let length = usize::from(u16::from_be_bytes([reply[2], reply[3]]));
    assert_eq!(length + 8, reply.len(), "length in the header");
    let op = if request[0] & 7 == 0 { 1 } else { 3 };
    let version = (request[0] >> 3 & 3).min(1);
    assert_eq!(reply[0], op | version << 3, "first byte");
    assert_eq!(reply[1], 0, "flags");
    assert_eq!(reply[4..8], request[4..8], "group, sequence, command");
    assert_eq!(reply[8] >> 5, 5, "a map: {reply:02x?}");
    assert_eq!(
        item(&reply[8..]),
        Some(length),
        "one whole item: {reply:02x?}"
    );
}

/// Is this text one of the keys or values?
pub fn holds(reply: &[u8], text: &str) -> bool {
    let mut wanted = vec![0x60 | text.len() as u8];
    wanted.extend(text.as_bytes());
    reply.windows(wanted.len()).any(|part| part == wanted)
}

/// The decoded reply of the upload kind to a request on link 1.
pub fn ask(watch: &mut Watch, request: &[u8]) -> Answer {
    let reply = watch.request(request).expect("a reply");
    assert_well_formed(request, &reply);
    answer(&reply)
}

pub fn off(value: u32) -> Answer {
    Answer {
        off: Some(value),
        ..Answer::default()
    }
}

pub fn done(value: u32) -> Answer {
    Answer {
        matched: Some(true),
        ..off(value)
    }
}

pub fn rc(value: u32) -> Answer {
    Answer {
        rc: Some(value),
        ..Answer::default()
    }
}

pub fn err(group: u32, code: u32) -> Answer {
    Answer {
        group_error: Some((group, code)),
        ..Answer::default()
    }
}

/// The slot holds exactly this image; used sectors are erased behind it.
pub fn assert_slot_holds(watch: &Watch, image: &[u8]) {
    let sector = watch.world.board.chips[1].wear();
    let sector = watch.world.board.chips[1].memory().len() / sector.len();
    let slot = watch.secondary();
    let end = image.len().next_multiple_of(sector);
    assert!(
        slot[..image.len()] == *image,
        "the slot differs from the image"
    );
    let rest = &slot[image.len()..end];
    assert!(rest.iter().all(|b| *b == 0xFF), "residue behind the image");
}

/// No rule of the chips was broken.
pub fn assert_rules_kept(watch: &Watch) {
    let broken = watch.world.board.violations();
    assert!(broken.is_empty(), "{broken:?}");
}
