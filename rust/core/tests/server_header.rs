//! Headers, versions, lengths: what every request has in common.

mod server_support;

use server_support::client::*;
use server_support::replies::*;
use server_support::*;

fn echo(first: u8, text: &str) -> Vec<u8> {
    packet(
        first,
        0,
        0,
        &map(&vec![("d", Value::Text(text.into()))], false),
    )
}

/// One request of every command, with the group and command of each.
fn every_command(first_read: u8) -> Vec<Vec<u8>> {
    let first_write = first_read | 2;
    let image = new_image(5000);
    let hash = Value::Bytes(image_hash(&running_image()).to_vec());
    let confirm = vec![("hash", hash), ("confirm", Value::Bool(true))];
    let clock = vec![("datetime", Value::Text("2026-11-21T08:51:07".into()))];
    vec![
        echo(first_write, "a"),
        echo(first_read, "a"),
        packet(first_read, 0, 2, &[0xA0]),
        packet(first_read, 0, 3, &[0xA0]),
        packet(first_read, 0, 4, &[0xA0]),
        packet(first_write, 0, 4, &map(&clock, false)),
        packet(first_read, 0, 6, &[0xA0]),
        packet(first_read, 0, 7, &[0xA0]),
        packet(first_read, 0, 8, &[0xA0]),
        packet(first_read, 1, 0, &[0xA0]),
        packet(first_write, 1, 0, &map(&confirm, false)),
        packet(first_read, 1, 6, &[0xA0]),
        packet(first_write, 1, 1, &map(&first_fields(&image, 200), false)),
        packet(first_write, 1, 5, &[0xA0]),
        packet(first_write, 0, 5, &[0xA0]),
    ]
}

fn equipped() -> Watch {
    let mut watch = Watch::running();
    watch.world.tasks = Some(Vec::new());
    watch.world.pools = Some(Vec::new());
    watch.world.clock = Ok(Default::default());
    watch
}

#[test]
fn success_maps_hold_no_rc_and_the_version_of_the_request() {
    for first in [READ1, READ2] {
        let mut watch = equipped();
        for request in every_command(first) {
            let reply = watch.request(&request).unwrap();
            assert_well_formed(&request, &reply);
            assert_eq!(reply[0] >> 3, first >> 3, "{request:02x?}");
            for word in ["rc", "err", "ret", "rsn"] {
                assert!(!holds(&reply, word), "{word} in {reply:02x?}");
            }
            watch.settle();
        }
    }
}

#[test]
fn sequence_flags_and_reserved_bits() {
    let mut watch = Watch::running();
    for sequence in [0, 1, 255] {
        let mut request = echo(WRITE2 | 0xE0, "a");
        request[1] = 0x5A;
        request[6] = sequence;
        let reply = watch.request(&request).unwrap();
        assert_eq!(reply[..2], [0x0B, 0]);
        assert_eq!(reply[6], sequence);
    }
}

#[test]
fn other_operations_get_rc_8_and_a_write_reply() {
    for op in [1, 3, 4, 5, 6, 7] {
        for version in [0, 8] {
            let mut watch = Watch::running();
            let reply = watch.request(&echo(op | version, "a")).unwrap();
            assert_eq!(answer(&reply), rc(8), "op {op}");
            assert_eq!(reply[0], version | 3, "op {op}");
        }
    }
}

#[test]
fn versions_of_the_future_get_rc_13_in_version_2() {
    for (version, op, first) in [(2, 0, 9), (2, 2, 0x0B), (3, 0, 9), (3, 2, 0x0B)] {
        let mut watch = Watch::running();
        let reply = watch.request(&echo(version << 3 | op, "a")).unwrap();
        assert_eq!(answer(&reply), rc(13));
        assert_eq!(reply[0], first);
    }
}

#[test]
fn unknown_groups_commands_and_operations_get_rc_8() {
    let mut watch = Watch::running();
    for (first, group, command) in [
        (READ2, 500, 0),
        (READ2, 0, 99),
        (WRITE2, 0, 2),
        (WRITE2, 0, 6),
        (READ2, 0, 5),
        (WRITE2, 0, 1),
        (WRITE2, 1, 2),
        (READ2, 1, 3),
        (READ2, 1, 4),
        (READ2, 1, 1),
        (READ2, 1, 5),
        (WRITE2, 1, 6),
        (READ2, 2, 1),
        (READ2, 10, 0),
        (WRITE2, 9, 0),
        (WRITE2, 63, 0),
        (READ2, 256, 0),
        (WRITE2, 257, 1),
    ] {
        let request = packet(first, group, command, &[0xA0]);
        let reply = watch.request(&request).unwrap();
        assert_well_formed(&request, &reply);
        assert_eq!(answer(&reply), rc(8), "group {group}, command {command}");
    }
}

#[test]
fn less_than_a_header_is_silence_and_a_short_datagram_is_rc_9() {
    let image = new_image(5000);
    for request in [echo(WRITE2, "hello"), upload(&first_fields(&image, 100))] {
        let mut watch = Watch::running();
        for n in 0..request.len() {
            assert!(watch.feed(1, &request[..n]).is_empty());
            watch.server.end_of_datagram();
            let replies = watch.feed(1, &[]);
            if n < 8 {
                assert!(replies.is_empty(), "{n} bytes");
            } else {
                assert_eq!(answer(&replies[0].1), rc(9), "{n} bytes");
            }
        }
        assert!(watch.request(&request).is_some());
        assert!(watch.primary()[..1000] == running_image()[..1000]);
    }
}

#[test]
fn half_a_request_is_dropped_after_5_seconds() {
    let request = echo(WRITE2, "hello");
    for n in 1..request.len() {
        let mut watch = Watch::running();
        assert!(watch.feed(1, &request[..n]).is_empty());
        watch.wait(4_900);
        assert!(watch.server.is_receiving(), "{n} bytes");
        watch.wait(200);
        assert!(!watch.server.is_receiving(), "{n} bytes");
        assert!(holds(&watch.request(&request).unwrap(), "hello"));
    }
    // Slow, but alive: each piece starts the wait anew.
    let mut watch = Watch::running();
    let mut replies = Vec::new();
    for byte in &request {
        replies.extend(watch.feed(1, &[*byte]));
        watch.wait(4_000);
    }
    assert_eq!(replies.len(), 1);
}

#[test]
fn a_link_that_disconnects_takes_its_half_request_along() {
    let request = echo(WRITE2, "hello");
    for n in 1..request.len() {
        let mut watch = Watch::running();
        assert!(watch.feed(1, &request[..n]).is_empty());
        assert!(watch.feed(2, &request).is_empty(), "one request at a time");
        watch.server.closed(1, watch.now);
        let replies = watch.feed(2, &request);
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].0, 2, "link of the reply");
    }
}

#[test]
fn reply_of_a_closed_link_reaches_nobody_else() {
    let mut watch = Watch::running();
    let image = new_image(60_000);
    let request = upload(&first_fields(&image, 100));
    let used = watch
        .server
        .input(1, &request, false, watch.now, &mut watch.world);
    assert_eq!(used, request.len());
    assert!(watch.server.is_working());
    watch.server.closed(1, watch.now);
    let replies = watch.feed(2, &echo(WRITE2, "a"));
    let of = |link| replies.iter().filter(|(to, _)| *to == link).count();
    assert_eq!((of(1), of(2)), (0, 1), "{replies:02x?}");
}

#[test]
fn bytes_behind_the_map_are_ignored() {
    let mut watch = Watch::running();
    let mut payload = map(&vec![("d", Value::Text("a".into()))], false);
    payload.extend([0xFF, 0x01, 0xA0, 0x00]);
    let reply = watch.request(&packet(WRITE2, 0, 0, &payload)).unwrap();
    assert!(holds(&reply, "a"));
}

#[test]
fn reads_without_arguments_accept_an_empty_payload() {
    let mut watch = equipped();
    for (group, command) in [
        (0, 2),
        (0, 3),
        (0, 4),
        (0, 6),
        (0, 7),
        (0, 8),
        (1, 0),
        (1, 6),
    ] {
        let reply = watch.request(&packet(READ1, group, command, &[])).unwrap();
        assert!(!holds(&reply, "rc"), "group {group}, command {command}");
    }
    let reply = watch.request(&packet(WRITE2, 1, 5, &[])).unwrap();
    assert_eq!(reply[8..], [0xBF, 0xFF], "erase");
    let reply = watch.request(&packet(WRITE2, 0, 0, &[])).unwrap();
    assert_eq!(answer(&reply), rc(3), "echo decodes its argument");
}

#[test]
fn damaged_maps_get_rc_3_in_both_versions() {
    let damaged: [&[u8]; 12] = [
        &[0x80],
        &[0x00],
        &[0xA1],
        &[0xA1, 0x61, 0x64],
        &[0xA1, 0x61, 0x64, 0x05],
        &[0xA1, 0x61, 0x64, 0x41, 0x61],
        &[0xA1, 0x61, 0x64, 0x7F, 0x61, 0x61, 0xFF],
        &[0xA1, 0x01, 0x02],
        &[0xA1, 0x61, 0x78],
        &[0xA2, 0x61, 0x64, 0x61, 0x61, 0x61, 0x64, 0x61, 0x62],
        &[0xBF, 0x61, 0x64, 0x61, 0x61],
        &[0xA1, 0x61, 0x64, 0x78, 0x20, 0x61],
    ];
    let mut watch = Watch::running();
    for payload in damaged {
        for first in [WRITE1, WRITE2] {
            let reply = watch.request(&packet(first, 0, 0, payload)).unwrap();
            assert_eq!(answer(&reply), rc(3), "{payload:02x?}");
        }
    }
}

#[test]
fn unknown_values_may_be_nested_at_least_four_levels() {
    let mut watch = Watch::running();
    for depth in 1..=6 {
        let mut nested = vec![0x81; depth];
        nested.push(0x01);
        let fields = vec![("x", Value::Raw(nested)), ("d", Value::Text("a".into()))];
        let reply = watch
            .request(&packet(WRITE2, 0, 0, &map(&fields, false)))
            .unwrap();
        assert_eq!(holds(&reply, "a"), depth <= 8, "{depth}");
    }
    // Any depth at all is bounded work and no crash.
    let fields = vec![("x", Value::Raw([vec![0x81; 60_000], vec![1]].concat()))];
    let reply = watch
        .request(&packet(WRITE2, 0, 0, &map(&fields, false)))
        .unwrap();
    assert_eq!(answer(&reply), rc(3));
}

#[test]
fn lost_bytes_are_told_instead_of_silence() {
    let mut watch = Watch::running();
    let request = echo(WRITE2, "hello");
    watch.feed(1, &request[..10]);
    watch.server.overrun();
    assert_eq!(answer(&watch.feed(1, &[])[0].1), rc(2));
    let image = new_image(9000);
    ask(&mut watch, &upload(&first_fields(&image, 200)));
    let chunk = upload(&chunk_fields(&image, 200, 150));
    // So few that no page was programmed: nothing is taken back.
    watch.feed(1, &chunk[..50]);
    watch.server.overrun();
    assert_eq!(answer(&watch.feed(1, &[])[0].1), off(200));
    assert_eq!(upload_all(&mut watch, &image, 700), done(9000));
}

#[test]
fn held_request_is_carried_out_only_when_its_check_sum_was_right() {
    let mut watch = Watch::running();
    let request = packet(WRITE2, 0, 5, &[0xA0]);
    for intact in [false, true] {
        let used = watch
            .server
            .input(1, &request, true, watch.now, &mut watch.world);
        assert_eq!(used, request.len());
        assert!(watch.server.reply().is_none() && watch.server.is_receiving());
        watch.server.release(intact, watch.now, &mut watch.world);
        assert_eq!(watch.server.reply().is_some(), intact);
        watch.feed(1, &[]);
    }
    watch.wait(1000);
    assert_eq!(watch.world.resets, [0]);
}
