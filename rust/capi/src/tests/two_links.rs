//! Several links at once, and links that come and go.

use super::packets::*;
use super::rig::*;
use crate::port::*;

const BUSY: Option<u32> = Some(10);

#[test]
fn i8_the_second_upload_is_told_busy() {
    let watch = Watch::new();
    let (one, two) = (watch.ble(244), watch.ble(244));
    let (file, other) = (
        file(20_000),
        smpkit_sim::image::build_sized(version(3), 3, 20_000),
    );
    assert_eq!(off(&watch.ask(&one, &first(&file, 100))), Some(100));
    assert_eq!(rc(&watch.ask(&two, &first(&other, 100))), BUSY);
    assert_eq!(rc(&watch.ask(&two, &chunk(&other, 100, 100))), BUSY);
    assert_eq!(rc(&watch.ask(&two, &erase())), BUSY);
    assert_eq!(watch.ask(&two, &echo(1, "a")), echoed(1, "a"));
    assert!(matches(&watch.upload(&one, &file, 200)));
}

#[test]
fn i8_fragments_of_two_links_never_mix() {
    let watch = Watch::new();
    let (one, two) = (watch.ble(244), watch.ble(244));
    let (a, b) = (echo(1, "first link"), echo(2, "the second link"));
    for step in [1, 2, 5, 8, 13] {
        let longest = a.len().max(b.len());
        for at in (0..longest).step_by(step) {
            for (line, request) in [(&one, &a), (&two, &b)] {
                let end = (at + step).min(request.len());
                if let Some(piece) = request.get(at..end) {
                    assert_eq!(line.rx(piece), 0);
                }
                watch.run();
            }
        }
        assert_eq!(one.replies(), [echoed(1, "first link")], "{step}");
        assert_eq!(two.replies(), [echoed(2, "the second link")], "{step}");
    }
}

#[test]
fn i8_a_lost_link_frees_the_session() {
    let watch = Watch::new();
    let (one, two) = (watch.ble(244), watch.ble(244));
    let file = file(20_000);
    assert_eq!(off(&watch.ask(&one, &first(&file, 100))), Some(100));
    assert_eq!(off(&watch.ask(&one, &chunk(&file, 100, 100))), Some(200));
    assert_eq!(one.close(), 0);
    // The other client goes on with the same file.
    assert_eq!(off(&watch.ask(&two, &first(&file, 100))), Some(200));
    assert!(matches(&watch.upload(&two, &file, 200)));
}

#[test]
fn i8_a_silent_owner_loses_the_session_after_30_s() {
    let watch = Watch::new();
    let (one, two) = (watch.ble(244), watch.ble(244));
    let (file, other) = (
        file(20_000),
        smpkit_sim::image::build_sized(version(3), 3, 20_000),
    );
    assert_eq!(off(&watch.ask(&one, &first(&file, 100))), Some(100));
    watch.run_for(29_000);
    assert_eq!(rc(&watch.ask(&two, &first(&other, 100))), BUSY);
    watch.run_for(1_500);
    assert_eq!(off(&watch.ask(&two, &first(&other, 100))), Some(100));
    assert_eq!(rc(&watch.ask(&one, &chunk(&file, 100, 100))), BUSY);
}

#[test]
fn a_reply_that_waits_goes_with_its_link() {
    let watch = Watch::new();
    let one = watch.ble(20);
    let said = "x".repeat(60);
    one.wire.verdicts.borrow_mut().push_back(0);
    one.wire.default.set(SMPKIT_ERR_AGAIN);
    for piece in echo(1, &said).chunks(20) {
        one.rx(piece);
    }
    watch.run();
    assert_eq!(one.pieces().len(), 1);
    assert_eq!(one.close(), 0);
    let two = watch.ble(20);
    watch.run_for(100);
    assert!(two.pieces().is_empty());
    assert_eq!(watch.ask(&two, &echo(2, "b")), echoed(2, "b"));
}

#[test]
fn the_reply_to_work_in_hand_goes_with_its_link() {
    let file = file(20_000);
    // After any number of polls: before, within and behind the work.
    for polls in 0..12 {
        let watch = Watch::new();
        let slot = crate::compat::bench::SECONDARY;
        watch
            .bench
            .chips
            .borrow_mut()
            .load(&slot, &vec![0; 0x74000]);
        let one = watch.ble(244);
        one.wire.default.set(SMPKIT_ERR_AGAIN);
        one.rx(&first(&file, 100));
        for _ in 0..polls {
            watch.poll();
        }
        assert_eq!(one.close(), 0);
        let two = watch.ble(244);
        watch.run_for(1_000);
        assert!(two.pieces().is_empty(), "after {polls} polls");
        assert_eq!(
            watch.ask(&two, &echo(2, "b")),
            echoed(2, "b"),
            "after {polls} polls"
        );
        assert!(
            matches(&watch.upload(&two, &file, 200)),
            "after {polls} polls"
        );
        assert!(one.pieces().is_empty());
    }
}

#[test]
fn half_a_request_goes_with_its_link() {
    let watch = Watch::new();
    let request = echo(1, "hello");
    for cut in 1..request.len() {
        for polled in [false, true] {
            let one = watch.ble(20);
            one.rx(&request[..cut]);
            if polled {
                watch.run();
            }
            assert_eq!(one.close(), 0);
            assert_eq!(one.close(), SMPKIT_ERR_BADSTATE);
            assert_eq!(one.rx(&request[cut..]), SMPKIT_ERR_BADSTATE);
            // The same object again.
            assert_eq!(one.open(&watch), 0);
            assert_eq!(
                watch.ask(&one, &echo(2, "b")),
                echoed(2, "b"),
                "cut at {cut}"
            );
            assert_eq!(one.close(), 0);
        }
    }
}

#[test]
fn links_close_in_any_order() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let watch = Watch::new();
        let lines = [watch.ble(20), watch.ble(20), watch.ble(20)];
        let mut open = vec![0, 1, 2];
        for closing in order {
            assert_eq!(lines[closing].close(), 0);
            open.retain(|index| *index != closing);
            for index in &open {
                assert_eq!(watch.ask(&lines[*index], &echo(1, "a")), echoed(1, "a"));
            }
        }
        assert_eq!(watch.run(), crate::api::SMPKIT_IDLE);
    }
}

#[test]
fn a_link_whose_stack_is_busy_does_not_lose_the_other_ones_request() {
    let watch = Watch::new();
    let (one, two) = (watch.ble(20), watch.ble(20));
    one.wire.default.set(SMPKIT_ERR_AGAIN);
    one.rx(&echo(1, "a"));
    watch.run();
    two.rx(&echo(2, "b"));
    watch.run_for(6_000);
    assert_eq!(two.replies(), [echoed(2, "b")]);
}
