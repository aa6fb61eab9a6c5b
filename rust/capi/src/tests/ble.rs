//! One BLE link: fragments in, notifications out.

use super::packets::*;
use super::rig::*;
use crate::calls::*;
use crate::port::*;
use smpkit_sim::Random;
use std::sync::atomic::Ordering;

/// Text that makes a request longer than one notification.
fn long(len: usize) -> String {
    (0..len).map(|n| (b'a' + (n % 26) as u8) as char).collect()
}

#[test]
fn i10_any_cut_of_a_request_gives_its_reply() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let said = long(40);
    let request = echo(9, &said);
    for cut in 1..request.len() {
        let (front, back) = request.split_at(cut);
        assert_eq!(line.rx(front), 0);
        watch.run();
        assert_eq!(line.rx(back), 0);
        watch.run();
        assert_eq!(line.replies(), [echoed(9, &said)], "cut at {cut}");
    }
}

#[test]
fn single_bytes_with_and_without_polls_between() {
    let watch = Watch::new();
    let line = watch.open(1024, |config| config.mtu = 244);
    let request = echo(3, "byte by byte");
    for polled in [true, false] {
        for byte in &request {
            assert_eq!(line.rx(&[*byte]), 0);
            if polled {
                watch.run();
            }
        }
        watch.run();
        assert_eq!(line.replies(), [echoed(3, "byte by byte")]);
    }
}

#[test]
fn i10_random_cuts_of_many_requests() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let mut random = Random::new(5);
    for round in 0..200 {
        let said = long(random.below(120) as usize);
        let stream = [echo(1, &said), echo(2, "x"), echo(3, &said)];
        for request in &stream {
            let mut rest = &request[..];
            while !rest.is_empty() {
                let n = (1 + random.below(30) as usize).min(rest.len());
                assert_eq!(line.rx(&rest[..n]), 0, "round {round}");
                rest = &rest[n..];
                if random.below(2) == 0 {
                    watch.run();
                }
            }
        }
        watch.run();
        let wanted = [echoed(1, &said), echoed(2, "x"), echoed(3, &said)];
        assert_eq!(line.replies(), wanted, "round {round}");
    }
}

#[test]
fn a_whole_upload_in_notifications_of_20_and_244_bytes() {
    for mtu in [20, 244] {
        let watch = Watch::new();
        let line = watch.ble(mtu);
        let file = file(30_000);
        let reply = watch.upload(&line, &file, 200);
        assert_eq!((off(&reply), matches(&reply)), (Some(30_000), true));
        let reply = watch.ask(&line, &set_state(own_hash(&file), false));
        assert_eq!(rc(&reply), None);
        let slot = crate::compat::bench::SECONDARY;
        assert_eq!(watch.bench.chips.borrow().bytes(&slot)[..30_000], file);
        assert_eq!(watch.side.progress.get(), (30_000, 30_000));
        watch.bench.assert_clean();
    }
}

#[test]
fn replies_are_cut_to_the_mtu() {
    let watch = Watch::new();
    let said = long(200);
    for mtu in [8, 20, 244] {
        let line = watch.ble(mtu);
        for piece in echo(1, &said).chunks(20) {
            line.rx(piece);
            watch.run();
        }
        let pieces = line.pieces();
        let most = pieces.iter().map(Vec::len).max().unwrap();
        assert_eq!(most, (mtu as usize).min(echoed(1, &said).len()));
        assert!(pieces[0].len() >= 8, "the header in one piece");
        assert_eq!(pieces.concat(), echoed(1, &said));
        line.close();
    }
}

#[test]
fn two_replies_never_share_a_notification() {
    let watch = Watch::new();
    let line = watch.ble(244);
    line.rx(&[echo(1, "a"), echo(2, "b")].concat());
    watch.run();
    assert_eq!(line.pieces(), [echoed(1, "a"), echoed(2, "b")]);
}

#[test]
fn a_new_mtu_holds_from_the_next_piece() {
    let watch = Watch::new();
    let line = watch.ble(0);
    let said = long(100);
    watch.ask(&line, &echo(1, "x"));
    assert_eq!(unsafe { smpkit_link_set_mtu(line.link(), 50) }, 0);
    for piece in echo(2, &said).chunks(50) {
        line.rx(piece);
    }
    watch.run();
    let lengths: Vec<usize> = line.pieces().iter().map(Vec::len).collect();
    assert_eq!(lengths, [50, 50, echoed(2, &said).len() - 100]);
}

#[test]
fn a_link_without_mtu_sends_20_bytes() {
    let watch = Watch::new();
    let line = watch.ble(0);
    for piece in echo(2, &long(30)).chunks(20) {
        line.rx(piece);
    }
    watch.run();
    assert_eq!(line.pieces()[0].len(), 20);
}

#[test]
fn a_busy_stack_is_tried_again_and_nothing_is_lost() {
    let watch = Watch::new();
    let line = watch.ble(20);
    let said = long(60);
    line.wire.verdicts.borrow_mut().extend([
        SMPKIT_ERR_AGAIN,
        0,
        SMPKIT_ERR_AGAIN,
        SMPKIT_ERR_AGAIN,
        0,
        SMPKIT_ERR_AGAIN,
    ]);
    for piece in echo(1, &said).chunks(20) {
        line.rx(piece);
    }
    watch.run_for(100);
    assert_eq!(line.pieces().concat(), echoed(1, &said));
}

#[test]
fn i12_a_stack_that_stays_busy_is_given_up_and_the_next_request_served() {
    let watch = Watch::new();
    let line = watch.ble(20);
    line.wire.default.set(SMPKIT_ERR_AGAIN);
    line.rx(&echo(1, "a"));
    watch.run_for(4_900);
    let calls = line.wire.calls.get();
    assert!((500..2000).contains(&calls), "{calls} calls of tx");
    line.rx(&echo(2, "b"));
    watch.run_for(200);
    // The first was dropped, the second is being tried.
    line.wire.default.set(0);
    watch.run_for(100);
    assert_eq!(line.replies(), [echoed(2, "b")]);
}

#[test]
fn an_error_of_tx_drops_the_rest_of_the_reply() {
    let watch = Watch::new();
    let line = watch.ble(20);
    line.wire.verdicts.borrow_mut().extend([0, -105]);
    for piece in echo(1, &long(60)).chunks(20) {
        line.rx(piece);
    }
    watch.run();
    assert_eq!(line.pieces().len(), 1);
    assert_eq!(watch.ask(&line, &echo(2, "b")), echoed(2, "b"));
}

#[test]
fn wake_is_called_for_everything_that_arrives() {
    let watch = Watch::new();
    let line = watch.ble(20);
    line.rx(&echo(1, "a"));
    assert_eq!(watch.side.wakes.load(Ordering::Relaxed), 1);
    line.rx(&[]);
    assert_eq!(watch.side.wakes.load(Ordering::Relaxed), 1);
    // Also for what there is no room for: its sender waits for an answer.
    while line.rx(&echo(1, "aaaa")) == 0 {}
    let before = watch.side.wakes.load(Ordering::Relaxed);
    line.rx(&echo(1, "aaaa"));
    assert_eq!(watch.side.wakes.load(Ordering::Relaxed), before + 1);
}

#[test]
fn i7_receiving_never_touches_flash() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let file = file(20_000);
    watch.ask(&line, &first(&file, 100));
    for round in 0..60 {
        let before = watch.flash_calls();
        line.rx(&chunk(&file, 100 + round * 200, 200));
        assert_eq!(watch.flash_calls(), before);
        watch.run();
    }
}

#[test]
fn i7_a_poll_of_an_upload_writes_or_erases_once() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let slot = crate::compat::bench::SECONDARY;
    watch
        .bench
        .chips
        .borrow_mut()
        .load(&slot, &vec![0; slot.size as usize]);
    assert!(matches(&watch.upload(&line, &file(60_000), 200)));
    assert_eq!(watch.most_operations.get(), 1);
    watch.ask(&line, &erase());
    watch.run();
    assert_eq!(watch.most_operations.get(), 1);
}

#[test]
fn i7_scheduling_is_a_few_small_writes_in_one_poll() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let file = file(20_000);
    watch.upload(&line, &file, 200);
    watch.run();
    let count = || {
        let chips = watch.bench.chips.borrow();
        let counters = chips.chips[1].counters();
        (counters.erases, counters.written_bytes)
    };
    let before = count();
    let reply = watch.ask(&line, &set_state(own_hash(&file), true));
    assert_eq!(rc(&reply), None);
    let after = count();
    assert_eq!(after.0, before.0, "nothing is erased");
    assert!(after.1 - before.1 <= 32, "{} bytes", after.1 - before.1);
    assert!(watch.most_operations.get() <= 3);
}

#[test]
fn i7_a_poll_of_an_upload_reads_at_most_4_kb() {
    let watch = Watch::new();
    let line = watch.ble(244);
    assert!(matches(&watch.upload(&line, &file(60_000), 200)));
    let headers = 256;
    assert!(
        watch.most_read.get() <= 4096 + headers,
        "{}",
        watch.most_read.get()
    );
}

#[test]
fn i7_a_poll_that_checks_an_image_reads_at_most_4_kb() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let file = file(200_000);
    watch
        .bench
        .chips
        .borrow_mut()
        .load(&crate::compat::bench::SECONDARY, &file);
    assert_eq!(
        rc(&watch.ask(&line, &set_state(own_hash(&file), false))),
        None
    );
    let headers = 256;
    assert!(
        watch.most_read.get() <= 4096 + headers,
        "{}",
        watch.most_read.get()
    );
}

#[test]
fn a_reset_comes_after_its_reply() {
    let watch = Watch::new();
    let line = watch.ble(20);
    let reply = watch.ask(&line, &reset());
    assert_eq!(rc(&reply), None);
    watch.run_for(249);
    assert!(watch.side.resets.borrow().is_empty());
    watch.run_for(2);
    assert_eq!(*watch.side.resets.borrow(), [0]);
}

#[test]
fn idle_means_that_only_input_brings_work() {
    let watch = Watch::new();
    let line = watch.ble(20);
    assert_eq!(watch.run(), crate::api::SMPKIT_IDLE);
    watch.ask(&line, &echo(1, "a"));
    assert_eq!(watch.run(), crate::api::SMPKIT_IDLE);
    let request = echo(1, "a");
    line.rx(&request[..9]);
    assert!((1..=5_000).contains(&watch.run()));
}
