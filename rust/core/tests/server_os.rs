//! OS group: echo, parameters, info, bootloader, clock, statistics.

mod server_support;

use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::server::{Datetime, PoolInfo, TaskInfo};
use smpkit_core::Error;

fn text(key: &'static str, value: &str) -> Vec<u8> {
    map(&vec![(key, Value::Text(value.into()))], false)
}

/// The only text under `key` in the reply.
fn told(reply: &[u8], key: &str) -> String {
    let mut cbor = minicbor::Decoder::new(&reply[8..]);
    cbor.map().unwrap();
    assert_eq!(cbor.str().unwrap(), key);
    cbor.str().unwrap().to_string()
}

fn numbers(reply: &[u8]) -> Vec<(String, u32)> {
    let mut cbor = minicbor::Decoder::new(&reply[8..]);
    let mut found = Vec::new();
    cbor.map().unwrap();
    while cbor.datatype().unwrap() != minicbor::data::Type::Break {
        found.push((cbor.str().unwrap().into(), cbor.u32().unwrap()));
    }
    found
}

#[test]
fn echo_answers_reads_and_writes() {
    let mut watch = Watch::running();
    for first in [READ1, WRITE1, READ2, WRITE2] {
        for value in ["", "a", "héllo ✓", &"x".repeat(200)] {
            let reply = watch
                .request(&packet(first, 0, 0, &text("d", value)))
                .unwrap();
            assert_eq!(told(&reply, "r"), value);
        }
        let reply = watch.request(&packet(first, 0, 0, &[0xA0])).unwrap();
        assert_eq!(told(&reply, "r"), "", "no text");
    }
}

#[test]
fn echo_that_does_not_fit_gets_rc_7() {
    let mut watch = Watch::running();
    let mut longest = 0;
    for n in 300..2000 {
        let value = "y".repeat(n);
        let reply = watch
            .request(&packet(WRITE2, 0, 0, &text("d", &value)))
            .unwrap();
        if holds(&reply, "rc") {
            assert_eq!(answer(&reply), rc(7), "{n}");
        } else {
            assert_eq!(told(&reply, "r"), value);
            longest = n;
        }
    }
    assert!(
        (350..384).contains(&longest),
        "{longest} of a buffer of 384"
    );
}

#[test]
fn parameters_are_two_keys_and_the_limit_of_the_link() {
    let mut watch = Watch::running();
    for (limit, size) in [(u32::MAX, 4096), (600, 600), (9000, 4096)] {
        watch.world.frame_limit = limit;
        for (first, payload) in [(READ1, &[][..]), (READ2, &[0xA0]), (READ2, &[0xBF, 0xFF])] {
            let reply = watch.request(&packet(first, 0, 6, payload)).unwrap();
            let expected = [("buf_size".into(), size), ("buf_count".into(), 1)];
            assert_eq!(numbers(&reply), expected);
        }
    }
    let reply = watch.request(&packet(READ2, 0, 6, &[0xA0])).unwrap();
    assert!(reply.len() <= 40, "{} bytes", reply.len());
}

#[test]
fn info_is_in_the_order_of_the_letters_not_of_the_request() {
    let mut watch = Watch::running();
    let all = "FreeRTOS pinetime 11.2.0 smpkit now arm cortex-m4 board FreeRTOS";
    for (format, output) in [
        ("s", "FreeRTOS"),
        ("vs", "FreeRTOS smpkit"),
        ("sv", "FreeRTOS smpkit"),
        ("nn", "pinetime"),
        ("a", all),
        ("oipmbvrns", all),
        ("", "FreeRTOS"),
    ] {
        let reply = watch
            .request(&packet(READ2, 0, 7, &text("format", format)))
            .unwrap();
        assert_eq!(told(&reply, "output"), output, "{format}");
    }
    let reply = watch.request(&packet(READ2, 0, 7, &[0xA0])).unwrap();
    assert_eq!(told(&reply, "output"), "FreeRTOS");
}

#[test]
fn unknown_letters_and_queries_are_errors_of_the_group() {
    let mut watch = Watch::running();
    for format in ["Z", "sZ", "S", " ", "hs"] {
        let payload = text("format", format);
        assert_eq!(ask(&mut watch, &packet(READ2, 0, 7, &payload)), err(0, 2));
        assert_eq!(ask(&mut watch, &packet(READ1, 0, 7, &payload)), rc(3));
    }
    for query in ["modes", "mod", "active_b0_slot"] {
        let payload = text("query", query);
        assert_eq!(ask(&mut watch, &packet(READ2, 0, 8, &payload)), err(0, 3));
        assert_eq!(ask(&mut watch, &packet(READ1, 0, 8, &payload)), rc(5));
    }
    let long = text("format", &"s".repeat(200));
    let reply = watch.request(&packet(READ2, 0, 7, &long)).unwrap();
    assert!(holds(&reply, "rc"));
}

#[test]
fn info_that_does_not_fit_gets_rc_7() {
    let mut watch = Watch::running();
    watch.world.identity[0] = "x".repeat(400).leak();
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 7, &[0xA0])), rc(7));
}

#[test]
fn bootloader_tells_its_name_and_mode() {
    let mut watch = Watch::running();
    let reply = watch.request(&packet(READ2, 0, 8, &[0xA0])).unwrap();
    assert_eq!(told(&reply, "bootloader"), "MCUboot");
    let reply = watch
        .request(&packet(READ2, 0, 8, &text("query", "mode")))
        .unwrap();
    assert_eq!(numbers(&reply), [("mode".into(), 1)]);
}

#[test]
fn clock_of_a_board_without_one_is_not_supported() {
    let mut watch = Watch::running();
    let set = packet(WRITE2, 0, 4, &text("datetime", "2026-11-21T08:51:07"));
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 4, &[0xA0])), rc(8));
    assert_eq!(ask(&mut watch, &set), rc(8));
}

#[test]
fn clock_that_was_never_set_or_fails() {
    let mut watch = Watch::running();
    watch.world.clock = Err(Error::NOENT);
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 4, &[0xA0])), err(0, 4));
    assert_eq!(ask(&mut watch, &packet(READ1, 0, 4, &[0xA0])), rc(5));
    watch.world.clock = Err(Error::TIMEOUT);
    let set = text("datetime", "2026-11-21T08:51:07");
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 4, &[0xA0])), err(0, 5));
    assert_eq!(ask(&mut watch, &packet(READ1, 0, 4, &[0xA0])), rc(1));
    assert_eq!(ask(&mut watch, &packet(WRITE2, 0, 4, &set)), err(0, 5));
    assert_eq!(ask(&mut watch, &packet(WRITE1, 0, 4, &set)), rc(1));
}

#[test]
fn clock_is_set_by_every_form_clients_send() {
    for (form, ms, offset) in [
        ("2026-11-21T08:51:07", 0, None),
        ("2026-11-21 08:51:07", 0, None),
        ("2026-11-21T08:51:07.25", 250, None),
        ("2026-11-21T08:51:07.123456+0100", 123, Some(60)),
        ("2026-11-21T08:51:07-05:30", 0, Some(-330)),
        ("2026-11-21T08:51:07Z", 0, Some(0)),
    ] {
        let mut watch = Watch::running();
        watch.world.clock = Ok(Datetime::default());
        let request = packet(WRITE2, 0, 4, &text("datetime", form));
        assert_eq!(
            watch.request(&request).unwrap()[8..],
            [0xBF, 0xFF],
            "{form}"
        );
        let set = watch.world.set.unwrap();
        assert_eq!((set.year, set.month, set.day), (2026, 11, 21));
        assert_eq!(
            (set.hour, set.minute, set.second, set.millisecond),
            (8, 51, 7, ms)
        );
        assert_eq!(
            (set.has_offset != 0).then_some(set.offset_minutes),
            offset,
            "{form}"
        );
        watch.world.clock = Ok(set);
        let reply = watch.request(&packet(READ2, 0, 4, &[0xA0])).unwrap();
        let told = told(&reply, "datetime");
        assert_eq!(told, format!("2026-11-21T08:51:07.{ms:03}"));
    }
}

#[test]
fn damaged_times_are_refused_and_not_set() {
    let mut watch = Watch::running();
    watch.world.clock = Ok(Datetime::default());
    for form in [
        "",
        "now",
        "2026-11-21",
        "2026-13-21T08:51:07",
        "2026-11-21T08:51:07+1",
    ] {
        let request = packet(WRITE2, 0, 4, &text("datetime", form));
        assert_eq!(ask(&mut watch, &request), rc(3), "{form}");
    }
    let long = text("datetime", &"2".repeat(400));
    assert_eq!(ask(&mut watch, &packet(WRITE2, 0, 4, &long)), rc(3));
    assert_eq!(ask(&mut watch, &packet(WRITE2, 0, 4, &[0xA0])), rc(3));
    assert_eq!(watch.world.set, None);
}

fn name(text: &str) -> [u8; 16] {
    let mut name = [0; 16];
    name[..text.len()].copy_from_slice(text.as_bytes());
    name
}

/// Rows of a statistics reply: name and its numbers.
fn rows(reply: &[u8], key: &str) -> Vec<(String, Vec<(String, u32)>)> {
    let mut cbor = minicbor::Decoder::new(&reply[8..]);
    let mut found = Vec::new();
    let ended = |cbor: &minicbor::Decoder| cbor.datatype().unwrap() == minicbor::data::Type::Break;
    cbor.map().unwrap();
    assert_eq!(cbor.str().unwrap(), key);
    cbor.map().unwrap();
    while !ended(&cbor) {
        let name = cbor.str().unwrap().to_string();
        let mut numbers = Vec::new();
        cbor.map().unwrap();
        while !ended(&cbor) {
            numbers.push((cbor.str().unwrap().to_string(), cbor.u32().unwrap()));
        }
        cbor.skip().unwrap();
        found.push((name, numbers));
    }
    found
}

#[test]
fn task_statistics() {
    let mut watch = Watch::running();
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 2, &[0xA0])), rc(8));
    let numbers = [3, 1, 2, 100, 200, 70_000, u32::MAX];
    let task = |text| TaskInfo {
        name: name(text),
        numbers,
    };
    watch.world.tasks = Some(vec![task("idle"), task("name-of-16-bytes")]);
    let reply = watch.request(&packet(READ1, 0, 2, &[])).unwrap();
    let found = rows(&reply, "tasks");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0, "idle");
    assert_eq!(found[1].0, "name-of-16-bytes");
    let keys = [
        "prio", "tid", "state", "stkuse", "stksiz", "cswcnt", "runtime",
    ];
    for (at, key) in keys.into_iter().enumerate() {
        assert_eq!(found[0].1[at], (key.to_string(), numbers[at]));
    }
    watch.world.tasks = Some(Vec::new());
    let reply = watch.request(&packet(READ2, 0, 2, &[0xA0])).unwrap();
    assert!(rows(&reply, "tasks").is_empty());
    watch.world.tasks = Some(vec![task("t"); 1000]);
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 2, &[0xA0])), rc(7));
}

#[test]
fn pool_statistics() {
    let mut watch = Watch::running();
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 3, &[0xA0])), rc(8));
    let pool = PoolInfo {
        name: name("mbuf"),
        numbers: [292, 12, 9, 4],
    };
    watch.world.pools = Some(vec![pool]);
    let reply = watch.request(&packet(READ2, 0, 3, &[0xA0])).unwrap();
    let found = rows(&reply, "mpools");
    let keys = ["blksiz", "nblks", "nfree", "min"].map(String::from);
    assert_eq!(found[0].0, "mbuf");
    let numbers: Vec<_> = keys.into_iter().zip([292, 12, 9, 4]).collect();
    assert_eq!(found[0].1, numbers);
    watch.world.pools = Some(vec![pool; 1000]);
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 3, &[0xA0])), rc(7));
}
