//! Reset: the reply first, the restart 250 ms later, whatever the arguments look like.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;

fn reset(fields: &Fields) -> Vec<u8> {
    packet(WRITE2, 0, 5, &map(fields, false))
}

#[test]
fn reply_goes_out_first_and_the_reset_follows_250_ms_after_it() {
    let mut watch = Watch::running();
    let request = reset(&vec![]);
    let used = watch
        .server
        .input(1, &request, false, watch.now, &mut watch.world);
    assert_eq!(used, request.len());
    // The radio is slow: the reply waits for a second.
    for _ in 0..20 {
        watch.now += 50;
        watch.server.step(watch.now, &mut watch.world);
        assert!(watch.server.reply().is_some());
    }
    assert!(
        watch.world.resets.is_empty(),
        "reset before the reply was sent"
    );
    watch.server.sent(watch.now);
    let wait = watch.server.step(watch.now, &mut watch.world);
    assert_eq!(wait, 250, "the port is told when to call again");
    watch.now += 249;
    watch.server.step(watch.now, &mut watch.world);
    assert!(watch.world.resets.is_empty(), "reset too early");
    watch.now += 1;
    watch.server.step(watch.now, &mut watch.world);
    assert_eq!(watch.world.resets, [0]);
    watch.wait(10_000);
    assert_eq!(watch.world.resets, [0], "reset once");
}

#[test]
fn reset_happens_when_the_clock_wraps_or_a_poll_is_late() {
    for (start, late) in [(u32::MAX - 100, 0), (u32::MAX - 249, 0), (5, 100_000)] {
        let mut watch = Watch::running();
        watch.now = start;
        watch.request(&reset(&vec![])).unwrap();
        watch.now = watch.now.wrapping_add(240);
        watch.server.step(watch.now, &mut watch.world);
        assert!(watch.world.resets.is_empty());
        watch.now = watch.now.wrapping_add(10 + late);
        watch.server.step(watch.now, &mut watch.world);
        assert_eq!(watch.world.resets, [0]);
    }
}

#[test]
fn empty_missing_and_garbage_arguments_still_reset() {
    let payloads: [&[u8]; 8] = [
        &[],
        &[0xA0],
        &[0xBF, 0xFF],
        &[0x00],
        &[0xFF, 0xFF, 0xFF],
        &[0xA1, 0x65],
        &[0xA1, 0x01, 0x02],
        b"reboot please",
    ];
    for first in [WRITE1, WRITE2] {
        for payload in payloads {
            let mut watch = Watch::running();
            let reply = watch.request(&packet(first, 0, 5, payload)).unwrap();
            assert_eq!(reply[8..], [0xBF, 0xFF], "{payload:02x?}");
            watch.wait(300);
            assert_eq!(watch.world.resets, [0], "{payload:02x?}");
        }
    }
}

#[test]
fn boot_mode_is_handed_on_and_checked() {
    for (mode, expected) in [
        (0, Some(0)),
        (1, Some(1)),
        (255, Some(255)),
        (256, None),
        (999, None),
    ] {
        let mut watch = Watch::running();
        let fields = vec![("force", Value::Uint(1)), ("boot_mode", Value::Uint(mode))];
        let reply = watch.request(&reset(&fields)).unwrap();
        watch.wait(300);
        match expected {
            Some(mode) => assert_eq!(watch.world.resets, [mode]),
            None => {
                assert_eq!(answer(&reply), rc(3));
                assert!(watch.world.resets.is_empty());
            }
        }
    }
}

#[test]
fn firmware_may_refuse_unless_forced() {
    let cases = [
        (vec![], true),
        (vec![("force", Value::Bool(false))], true),
        (vec![("force", Value::Uint(0))], true),
        (vec![("force", Value::Null)], true),
        (vec![("force", Value::Bool(true))], false),
        (vec![("force", Value::Uint(1))], false),
    ];
    for (fields, refused) in cases {
        let mut watch = Watch::running();
        watch.world.reset_refused = true;
        let reply = watch.request(&reset(&fields)).unwrap();
        watch.wait(300);
        assert_eq!(watch.world.resets.is_empty(), refused, "{fields:?}");
        if refused {
            assert_eq!(answer(&reply), rc(10));
        }
    }
}

#[test]
fn arguments_of_an_earlier_request_do_not_count() {
    let mut watch = Watch::running();
    watch.world.reset_refused = true;
    let forced = vec![
        ("boot_mode", Value::Uint(999)),
        ("force", Value::Bool(true)),
    ];
    assert_eq!(answer(&watch.request(&reset(&forced)).unwrap()), rc(3));
    // Damaged values stand for none at all.
    let garbage = vec![("force", Value::Text("x".into()))];
    assert_eq!(answer(&watch.request(&reset(&garbage)).unwrap()), rc(10));
    watch.wait(300);
    assert!(watch.world.resets.is_empty());
    watch.world.reset_refused = false;
    let garbage = vec![("boot_mode", Value::Text("x".into()))];
    let reply = watch.request(&reset(&garbage)).unwrap();
    assert_eq!(reply[8..], [0xBF, 0xFF]);
    watch.wait(300);
    assert_eq!(watch.world.resets, [0]);
}

#[test]
fn link_that_closes_before_the_reply_was_sent_does_not_stop_the_reset() {
    let mut watch = Watch::running();
    let request = reset(&vec![]);
    watch
        .server
        .input(1, &request, false, watch.now, &mut watch.world);
    watch.server.closed(1, watch.now);
    assert!(watch.server.reply().is_none());
    watch.wait(300);
    assert_eq!(watch.world.resets, [0]);
}

#[test]
fn reset_during_an_upload_leaves_the_upload_to_be_continued() {
    let mut watch = Watch::running();
    let image = new_image(50_000);
    let mut at = 0;
    while at < 20_000 {
        let fields = match at {
            0 => first_fields(&image, 200),
            _ => chunk_fields(&image, at, 2000),
        };
        at = ask(&mut watch, &upload(&fields)).off.unwrap() as usize;
    }
    watch.request(&reset(&vec![])).unwrap();
    watch.wait(300);
    assert_eq!(watch.world.resets, [0]);
    let mut watch = watch.reboot();
    assert_eq!(next(&mut watch), smpkit_core::image::SwapType::None);
    let told = ask(&mut watch, &upload(&first_fields(&image, 200)))
        .off
        .unwrap() as usize;
    assert!(
        told > at - 2 * 4096 && told <= at,
        "{at} kept, {told} found"
    );
    let mut last = off(told as u32);
    while let Some(at) = last.off.filter(|at| *at < 50_000) {
        last = ask(
            &mut watch,
            &upload(&chunk_fields(&image, at as usize, 2000)),
        );
    }
    assert_eq!(last, done(50_000));
}
