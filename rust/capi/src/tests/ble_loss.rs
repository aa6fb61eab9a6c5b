//! Input that is lost, cut or abandoned: bursts larger than the ring, clients that fall silent.

use super::packets::*;
use super::rig::*;
use crate::api::*;
use crate::port::*;

fn link(watch: &Watch, ring: usize) -> Line {
    watch.open(ring, |config| {
        config.mtu = 244;
        config.required_security = SMPKIT_SECURITY_OPEN;
    })
}

#[test]
fn a_request_larger_than_the_ring_is_told_of_memory() {
    let watch = Watch::new();
    let line = link(&watch, 64);
    let said = "z".repeat(300);
    let request = echo(7, &said);
    let results: Vec<i32> = request.chunks(20).map(|piece| line.rx(piece)).collect();
    assert!(results.contains(&SMPKIT_ERR_NOMEM));
    watch.run();
    assert_eq!(line.replies(), [failed(&request, 2)]);
    assert_eq!(watch.ask(&line, &echo(8, "b")), echoed(8, "b"));
}

#[test]
fn a_write_larger_than_the_ring_is_told_of_memory() {
    let watch = Watch::new();
    let line = link(&watch, 64);
    let request = echo(7, &"z".repeat(200));
    assert_eq!(line.rx(&request), SMPKIT_ERR_NOMEM);
    watch.run();
    assert_eq!(line.replies(), [failed(&request, 2)]);
}

#[test]
fn a_cut_chunk_is_answered_with_the_offset_that_counts() {
    let watch = Watch::new();
    let line = link(&watch, 128);
    let file = file(20_000);
    let request = first(&file, 100);
    for piece in request.chunks(20) {
        assert_eq!(line.rx(piece), 0);
        watch.run();
    }
    assert_eq!(off(&line.replies()[0]), Some(100));
    let mut at = 100;
    for n in [150, 200, 240, 400, 1000, 3000, 2500, 2000] {
        let request = chunk(&file, at, n);
        let lost = request
            .chunks(20)
            .filter(|piece| line.rx(piece) != 0)
            .count();
        assert!(lost > 0, "{n} bytes should not fit");
        watch.run();
        let replies = line.replies();
        assert_eq!((replies.len(), rc(&replies[0])), (1, None), "{n} bytes");
        let mut offset = off(&replies[0]).unwrap() as usize;
        // Pages that were programmed cost their sector, never more.
        assert!(offset == at || offset == at & !4095, "{offset} after {at}");
        // From there again, slowly.
        while offset < at + n {
            let request = match offset {
                0 => first(&file, 100),
                _ => chunk(&file, offset, (at + n - offset).min(500)),
            };
            for piece in request.chunks(20) {
                assert_eq!(line.rx(piece), 0);
                watch.run();
            }
            offset = off(&line.replies()[0]).unwrap() as usize;
        }
        at += n;
        assert_eq!(offset, at);
    }
}

#[test]
fn i10_image_data_behind_a_cut_is_never_taken_for_a_request() {
    // The file is full of requests to restart.
    let trap = reset();
    let payload: Vec<u8> = trap.iter().copied().cycle().take(20_000).collect();
    let file = smpkit_sim::image::build(version(2), &payload, &Default::default());
    for ring in [64, 100, 128, 200, 512] {
        for size in [1, 3, 7, 9, 20, 60, 244] {
            let watch = Watch::new();
            let line = link(&watch, ring);
            for piece in first(&file, 64).chunks(20) {
                line.rx(piece);
                watch.run();
            }
            line.replies();
            let mut polls = 0;
            for round in 0..8 {
                let request = chunk(&file, 64, 900);
                for piece in request.chunks(size) {
                    line.rx(piece);
                    polls += 1;
                    if polls % (round + 2) == 0 {
                        watch.poll();
                    }
                }
                watch.run();
            }
            watch.run_for(1_000);
            for reply in line.replies() {
                assert_eq!(reply[4..8], [0, 1, 2, 1], "a reply nobody asked for");
            }
            assert!(
                watch.side.resets.borrow().is_empty(),
                "ring {ring}, pieces {size}"
            );
        }
    }
}

#[test]
fn a_burst_of_requests_is_answered_or_refused() {
    for ring in [64, 96, 128, 512] {
        let watch = Watch::new();
        let line = link(&watch, ring);
        let mut answered = Vec::new();
        let mut refused = Vec::new();
        for seq in 0..40 {
            let request = echo(seq, "hello");
            match line.rx(&request) {
                0 => answered.push(echoed(seq, "hello")),
                code => {
                    assert_eq!(code, SMPKIT_ERR_NOMEM);
                    refused.push(failed(&request, 2));
                }
            }
        }
        watch.run();
        let replies = line.replies();
        let (good, bad) = replies.split_at(answered.len());
        assert_eq!(good, answered, "ring {ring}");
        assert!(
            !bad.is_empty() && refused.starts_with(bad),
            "ring {ring}: {bad:02x?}"
        );
        assert_eq!(watch.ask(&line, &echo(99, "x")), echoed(99, "x"));
    }
}

#[test]
fn a_client_that_fell_silent_does_not_spoil_the_next() {
    let watch = Watch::new();
    let line = link(&watch, 512);
    let request = echo(1, "hello there");
    for cut in 1..request.len() {
        line.rx(&request[..cut]);
        watch.run_for(4_900);
        assert_eq!(
            watch.ask(&line, &request[cut..]),
            echoed(1, "hello there"),
            "patience"
        );
        line.rx(&request[..cut]);
        watch.run_for(5_100);
        assert_eq!(
            watch.ask(&line, &echo(2, "next")),
            echoed(2, "next"),
            "cut at {cut}"
        );
    }
}

#[test]
fn both_sides_forget_a_half_chunk_at_the_same_time() {
    let file = file(20_000);
    for pieces in 1..12 {
        for delay in [0, 1, 3, 350] {
            let watch = Watch::new();
            let line = link(&watch, 512);
            assert_eq!(off(&watch.ask(&line, &first(&file, 200))), Some(200));
            // Half a chunk, during which a page is programmed, so that polls end early.
            let request = chunk(&file, 200, 240);
            for piece in request.chunks(20).take(pieces) {
                line.rx(piece);
                watch.poll();
                watch.wait(delay);
            }
            watch.run_for(5_050);
            // The client starts again. Then a byte more, to see whether borders are known.
            let reply = watch.ask(&line, &chunk(&file, 200, 240));
            // Where a page was programmed the sector is asked for again.
            assert!(
                matches!(off(&reply), Some(440 | 0)),
                "{pieces} pieces, {delay} ms"
            );
            line.rx(&[&echo(1, "a")[..], &[1, 2, 3]].concat());
            watch.run();
            assert_eq!(
                line.replies(),
                [echoed(1, "a")],
                "{pieces} pieces, {delay} ms"
            );
            assert_eq!(watch.run(), SMPKIT_IDLE, "{pieces} pieces, {delay} ms");
        }
    }
}

#[test]
fn after_silence_the_kit_is_idle_again() {
    let watch = Watch::new();
    let line = link(&watch, 512);
    line.rx(&echo(1, "hello")[..10]);
    watch.run_for(6_000);
    assert_eq!(watch.run(), SMPKIT_IDLE);
}
