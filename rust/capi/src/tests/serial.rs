//! Serial links: console framing between log text.

use super::packets::*;
use super::rig::*;
use crate::port::*;
use smpkit_core::transport::serial::{encode_line, LINE_MAX};

const START: &[u8] = b"\x06\x09";
const MORE: &[u8] = b"\x04\x14";

/// Lines of a packet, as the kit itself would write them.
fn lines(packet: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut sent = 0;
    loop {
        let mut line = [0; LINE_MAX];
        let (len, now) = encode_line(packet, sent, &mut line);
        if len == 0 {
            return out;
        }
        out.push(line[..len].to_vec());
        sent = now;
    }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    lines(packet).concat()
}

fn line(marker: &[u8], base64: &str) -> Vec<u8> {
    [marker, base64.as_bytes(), b"\n"].concat()
}

/// Send bytes and return the lines that come back.
fn talk(watch: &Watch, port: &Line, bytes: &[u8]) -> Vec<Vec<u8>> {
    for piece in bytes.chunks(32) {
        assert_eq!(port.rx(piece), 0);
        watch.run();
    }
    port.pieces()
}

/// One packet to another, through all lines.
fn ask(watch: &Watch, port: &Line, request: &[u8]) -> Vec<u8> {
    decode(&talk(watch, port, &framed(request)))
}

/// The packet in lines, which are checked.
fn decode(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        assert!(line.len() <= 127, "line of {} bytes", line.len());
        let marker = if index == 0 { START } else { MORE };
        let body = line
            .strip_prefix(marker)
            .unwrap()
            .strip_suffix(b"\n")
            .unwrap();
        assert!(
            index + 1 == lines.len() || !body.contains(&b'='),
            "padding inside"
        );
        raw.extend(base64(body));
    }
    let total = usize::from(u16::from_be_bytes([raw[0], raw[1]]));
    assert_eq!(total + 2, raw.len());
    raw[2..total].to_vec()
}

fn base64(text: &[u8]) -> Vec<u8> {
    const SET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for group in text.chunks(4) {
        let digits = group.iter().filter(|byte| **byte != b'=');
        let value = |byte: &u8| SET.iter().position(|known| known == byte).unwrap() as u32;
        let count = digits.clone().count();
        let bits = digits.fold(0, |bits, byte| bits << 6 | value(byte)) << (6 * (4 - count));
        out.extend(&bits.to_be_bytes()[1..count]);
    }
    out
}

#[test]
fn recorded_requests_get_exactly_these_lines() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    // echo "hi", SMP version 2; the reply carries the same sequence number.
    let reply = talk(&watch, &port, &line(START, "ABAKAAAGAAAAAKFhZGJoaeJ8"));
    assert_eq!(decode(&reply), echoed(0, "hi"));
    let request = packet(WRITE, 0, 0, 4, b"\xa1\x61d\x62hi");
    let reply = talk(&watch, &port, &framed(&request));
    assert_eq!(reply, [line(START, "ABELAAAHAAAEAL9hcmJoaf9C1g==")]);
}

#[test]
fn recorded_requests_of_newtmgr_are_understood() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    // Image list: seed capture, and without a payload as Apache documents it.
    let first = decode(&talk(&watch, &port, &line(START, "AAsAAAABAAFCAKD1Mw==")));
    assert_eq!((first[0], &first[4..8]), (1, &[0, 1, 0x42, 0][..]));
    assert!(first.windows(6).any(|part| part == text("1.0.0")));
    let second = decode(&talk(&watch, &port, &line(START, "AAoAAAAAAAEAADcw")));
    assert_eq!(second[8..], first[8..]);
    // Task statistics are not enabled: not supported, but answered.
    let reply = decode(&talk(&watch, &port, &line(START, "AAoAAAAAAAAAAiBC")));
    assert_eq!(rc(&reply), Some(8));
    // Confirm with a null hash and with an empty one.
    for text in [
        "ABoCAAAQAAFDAKJkaGFzaPZnY29uZmlybfXtDQ==",
        "ABoCAAAQAAFDAKJkaGFzaEBnY29uZmlybfXXHQ==",
    ] {
        let reply = decode(&talk(&watch, &port, &line(START, text)));
        assert_eq!((reply[0], rc(&reply)), (3, None));
        assert_eq!(reply[8..], first[8..]);
    }
}

#[test]
fn recorded_packets_are_framed_as_recorded() {
    let list = [
        &[1, 0, 0, 0x86, 0, 1, 0x42, 0][..],
        b"\xbf\x66images\x9f\xbf\x64slot\x00\x67version\x651.0.0\x64hash\x58\x20",
        b"\xea\xb2\x88\x69\x47\xa1\xdf\x6f\x85\x04\x63\x60\x1f\x3d\xad\x40",
        b"\x94\x11\xd7\xea\x21\x85\x5e\xb0\xa7\x0e\x96\x57\x32\x25\x8c\x92",
        b"\x68bootable\xf5\x67pending\xf4\x69confirmed\xf5\x66active\xf5",
        b"\x69permanent\xf4\xff\xff\x6bsplitStatus\x00\xff",
    ]
    .concat();
    let first = "AJABAACGAAFCAL9maW1hZ2Vzn79kc2xvdABndmVyc2lvbmUxLjAuMGRoYXNoWCDqsohpR6Hfb4UEY2AfPa1AlBHX6iGFXrCnDpZXMiWMkmhib290YWJsZfVncGVu";
    let second = "ZGluZ/RpY29uZmlybWVk9WZhY3RpdmX1aXBlcm1hbmVudPT//2tzcGxpdFN0YXR1cwD/fw4=";
    assert_eq!(lines(&list), [line(START, first), line(MORE, second)]);
    let error = b"\x0b\x00\x00\x13\x00\x01\x07\x01\xbf\x63err\xbf\x65group\x01\x62rc\x09\xff\xff";
    assert_eq!(
        lines(error),
        [line(START, "AB0LAAATAAEHAb9jZXJyv2Vncm91cAFicmMJ//+1oQ==")]
    );
    assert_eq!(
        lines(b"Hello, world!"),
        [line(START, "AA9IZWxsbywgd29ybGQhet4=")]
    );
}

#[test]
fn log_text_around_frames_is_skipped() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    let request = echo(1, &"x".repeat(150));
    let parts = lines(&request);
    assert_eq!(parts.len(), 2);
    let noise = b"[00:01] hello, \xff\x00 = + / AAAA\r\n";
    let stream = [&noise[..], &parts[0], noise, noise, &parts[1], noise].concat();
    assert_eq!(
        decode(&talk(&watch, &port, &stream)),
        echoed(1, &"x".repeat(150))
    );
    // Log text without an end glued before the marker.
    let glued = [b"log: abc", &parts[0][..], b"$ ", &parts[1][..]].concat();
    assert_eq!(
        decode(&talk(&watch, &port, &glued)),
        echoed(1, &"x".repeat(150))
    );
}

#[test]
fn line_ends_of_every_kind_are_understood() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    let said = "y".repeat(150);
    let parts = lines(&echo(1, &said));
    for (before, end) in [
        ("", "\r\n"),
        ("\r", "\n"),
        ("\r", "\r\n"),
        ("\n", "\n"),
        ("\n\r\n", "\r\r\n"),
    ] {
        let mut stream = Vec::new();
        for part in &parts {
            stream.extend(before.as_bytes());
            stream.extend(part.strip_suffix(b"\n").unwrap());
            stream.extend(end.as_bytes());
        }
        assert_eq!(
            decode(&talk(&watch, &port, &stream)),
            echoed(1, &said),
            "{before:?} {end:?}"
        );
    }
}

#[test]
fn damaged_frames_are_met_with_silence() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    let good = framed(&echo(1, "hello"));
    for at in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad[at] ^= if at < 2 { 0x40 } else { 1 };
        assert!(talk(&watch, &port, &bad).is_empty(), "byte {at}");
        assert_eq!(
            decode(&talk(&watch, &port, &good)),
            echoed(1, "hello"),
            "byte {at}"
        );
    }
}

#[test]
fn a_continuation_without_a_start_is_ignored() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    let parts = lines(&echo(1, &"z".repeat(150)));
    assert!(talk(&watch, &port, &parts[1]).is_empty());
    let reply = talk(&watch, &port, &parts.concat());
    assert_eq!(decode(&reply), echoed(1, &"z".repeat(150)));
}

#[test]
fn a_new_start_discards_what_was_there() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    let parts = lines(&echo(1, &"z".repeat(150)));
    let stream = [&parts[0][..], &framed(&echo(2, "b"))].concat();
    assert_eq!(decode(&talk(&watch, &port, &stream)), echoed(2, "b"));
    assert!(talk(&watch, &port, &parts[1]).is_empty());
    // Also in the middle of a line.
    let stream = [&parts[0][..40], &framed(&echo(3, "c"))].concat();
    assert_eq!(decode(&talk(&watch, &port, &stream)), echoed(3, "c"));
}

#[test]
fn lines_padded_on_their_own_are_understood() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    // The echo of "hi" cut behind 10 and behind 11 raw bytes.
    for (front, back) in [
        ("ABAKAAAGAAAAAA==", "oWFkYmhp4nw="),
        ("ABAKAAAGAAAAAKE=", "YWRiaGnifA=="),
    ] {
        let stream = [line(START, front), line(MORE, back)].concat();
        assert_eq!(
            decode(&talk(&watch, &port, &stream)),
            echoed(0, "hi"),
            "{front}"
        );
    }
}

#[test]
fn an_overrun_of_the_ring_loses_the_packet_and_nothing_else() {
    for ring in [64, 100, 128, 200] {
        let watch = Watch::new();
        let port = watch.open_serial(ring);
        let request = framed(&echo(1, &"q".repeat(300)));
        let refused = request
            .chunks(16)
            .filter(|piece| port.rx(piece) == SMPKIT_ERR_NOMEM);
        assert!(refused.count() > 0);
        watch.run();
        assert!(port.pieces().is_empty(), "ring {ring}");
        // The first line behind it may be cut as well.
        let fresh = framed(&echo(2, "b"));
        for piece in fresh.chunks(16) {
            assert_eq!(port.rx(piece), 0);
            watch.run();
        }
        assert_eq!(decode(&port.pieces()), echoed(2, "b"), "ring {ring}");
    }
}

#[test]
fn i10_data_behind_an_overrun_is_never_taken_for_a_request() {
    let payload: Vec<u8> = reset().iter().copied().cycle().take(20_000).collect();
    let file = smpkit_sim::image::build(version(2), &payload, &Default::default());
    for ring in [64, 100, 300] {
        for size in [1, 5, 16, 64] {
            let watch = Watch::new();
            let port = watch.open_serial(ring);
            talk(&watch, &port, &framed(&first(&file, 64)));
            for round in 0..6 {
                for (n, piece) in framed(&chunk(&file, 64, 500)).chunks(size).enumerate() {
                    port.rx(piece);
                    if n % (round + 2) == 0 {
                        watch.poll();
                    }
                }
                watch.run();
            }
            watch.run_for(1_000);
            assert!(
                watch.side.resets.borrow().is_empty(),
                "ring {ring}, pieces {size}"
            );
            // Whatever is answered is the answer to a chunk.
            for line in port.pieces() {
                if let Some(body) = line.strip_prefix(START) {
                    assert_eq!(base64(&body[..16])[6..10], [0, 1, 2, 1]);
                }
            }
        }
    }
}

#[test]
fn a_frame_that_goes_on_after_a_long_pause_is_no_request() {
    let payload: Vec<u8> = reset().iter().copied().cycle().take(20_000).collect();
    let file = smpkit_sim::image::build(version(2), &payload, &Default::default());
    let watch = Watch::new();
    let port = watch.open_serial(512);
    talk(&watch, &port, &framed(&first(&file, 64)));
    let request = framed(&chunk(&file, 64, 500));
    for cut in 100..240 {
        talk(&watch, &port, &request[..cut]);
        watch.run_for(5_100);
        for line in talk(&watch, &port, &request[cut..]) {
            let reply = decode(&[line]);
            assert_eq!(reply[4..8], [0, 1, 2, 1], "cut at {cut}: {reply:02x?}");
        }
        watch.run_for(1_000);
        assert!(watch.side.resets.borrow().is_empty(), "cut at {cut}");
    }
}

#[test]
fn a_whole_upload_over_serial_ends_verified() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    let file = file(40_000);
    let mut reply = ask(&watch, &port, &first(&file, 300));
    while let Some(at) = off(&reply).filter(|at| *at < 40_000) {
        reply = ask(&watch, &port, &chunk(&file, at as usize, 700));
    }
    assert!(matches(&reply), "{reply:02x?}");
    assert_eq!(
        rc(&ask(&watch, &port, &set_state(own_hash(&file), false))),
        None
    );
    let reply = ask(&watch, &port, &list());
    assert!(reply.len() > 200, "a reply of several lines");
    watch.bench.assert_clean();
}

#[test]
fn a_busy_line_is_tried_again() {
    let watch = Watch::new();
    let port = watch.open_serial(512);
    port.wire
        .verdicts
        .borrow_mut()
        .extend([SMPKIT_ERR_AGAIN, 0, SMPKIT_ERR_AGAIN]);
    port.rx(&framed(&list()));
    watch.run_for(100);
    let lines = port.pieces();
    assert_eq!(lines.len(), 2);
    assert_eq!(decode(&lines)[4..8], [0, 1, 5, 0]);
}
