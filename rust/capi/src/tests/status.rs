//! What a user interface asks and orders: status, confirm, roll back, schedule, services.

use super::packets::*;
use super::rig::*;
use crate::api::*;
use crate::calls::*;
use crate::compat::bench::{trailer_bytes, PRIMARY, SECONDARY};
use crate::port::*;
use smpkit_core::flash::Area;

fn status(watch: &Watch) -> smpkit_image_status {
    let mut out = zero();
    assert_eq!(unsafe { smpkit_image_status(watch.kit(), &mut out) }, 0);
    out
}

fn trailer(watch: &Watch, area: &Area, bytes: [u8; 48]) {
    let mut chips = watch.bench.chips.borrow_mut();
    *chips.bytes_mut(area).last_chunk_mut().unwrap() = bytes;
}

/// A watch on trial: MCUboot has just swapped.
fn on_trial() -> Watch {
    let watch = Watch::new();
    trailer(&watch, &PRIMARY, trailer_bytes(true, 0xFF, 1, 2));
    watch
        .bench
        .chips
        .borrow_mut()
        .load(&SECONDARY, &file(20_000));
    watch
}

fn until_done(mut call: impl FnMut() -> i32) -> (i32, u32) {
    for times in 1..1000 {
        match call() {
            SMPKIT_ERR_AGAIN => {}
            code => return (code, times),
        }
    }
    panic!("never done");
}

#[test]
fn a_confirmed_watch_shows_its_version() {
    let watch = Watch::new();
    let found = status(&watch);
    assert_eq!((found.running.major, found.has_other), (1, 0));
    assert_eq!(
        (found.state, found.next_reset),
        (SMPKIT_IMAGE_CONFIRMED, SMPKIT_NEXT_SAME)
    );
    assert_eq!((found.upload_done, found.upload_total), (0, 0));
}

#[test]
fn an_empty_primary_slot_shows_zeroes() {
    let watch = Watch::new();
    watch.bench.chips.borrow_mut().load(&PRIMARY, &[]);
    let found = status(&watch);
    assert_eq!((found.running.major, found.running.build), (0, 0));
}

#[test]
fn an_update_is_shown_from_the_first_byte_to_the_next_reset() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let file = file(20_000);
    watch.ask(&line, &first(&file, 100));
    watch.ask(&line, &chunk(&file, 100, 200));
    let found = status(&watch);
    assert_eq!(
        (found.upload_done, found.upload_total, found.has_other),
        (300, 20_000, 0)
    );
    assert!(matches(&watch.upload(&line, &file, 200)));
    let found = status(&watch);
    assert_eq!(
        (found.upload_total, found.has_other, found.other.major),
        (0, 1, 2)
    );
    assert_eq!(found.next_reset, SMPKIT_NEXT_SAME);
    watch.ask(&line, &set_state(own_hash(&file), false));
    assert_eq!(status(&watch).next_reset, SMPKIT_NEXT_TRIAL);
    assert_eq!(watch.side.power.borrow().first(), Some(&1));
    watch.run();
    assert_eq!(watch.side.power.borrow().last(), Some(&0));
}

#[test]
fn a_trial_is_shown_and_ended_by_confirm() {
    let watch = on_trial();
    let found = status(&watch);
    assert_eq!(
        (found.state, found.next_reset),
        (SMPKIT_IMAGE_TRIAL, SMPKIT_NEXT_ROLLBACK)
    );
    assert_eq!(unsafe { smpkit_confirm(watch.kit()) }, 0);
    let found = status(&watch);
    assert_eq!(
        (found.state, found.next_reset),
        (SMPKIT_IMAGE_CONFIRMED, SMPKIT_NEXT_SAME)
    );
    assert_eq!(watch.bench.trailer(&PRIMARY), trailer_bytes(true, 1, 1, 2));
    // Again: nothing to do.
    let before = watch.bench.chips.borrow().operations();
    assert_eq!(unsafe { smpkit_confirm(watch.kit()) }, 0);
    assert_eq!(watch.bench.chips.borrow().operations(), before);
}

#[test]
fn a_damaged_trailer_cannot_be_confirmed() {
    let watch = Watch::new();
    let mut bytes = trailer_bytes(true, 0xFF, 1, 2);
    bytes[40] ^= 0x10;
    trailer(&watch, &PRIMARY, bytes);
    assert_eq!(unsafe { smpkit_confirm(watch.kit()) }, SMPKIT_ERR_BADVECT);
    assert_eq!(watch.bench.trailer(&PRIMARY), bytes);
}

#[test]
fn rolling_back_on_trial_needs_nothing() {
    let watch = on_trial();
    let before = watch.bench.chips.borrow().operations();
    assert_eq!(unsafe { smpkit_request_rollback(watch.kit()) }, 0);
    assert_eq!(watch.bench.chips.borrow().operations(), before);
    assert_eq!(
        unsafe { smpkit_schedule(watch.kit(), 0) },
        SMPKIT_ERR_BADSTATE
    );
}

#[test]
fn rolling_back_later_checks_the_old_image_first() {
    let watch = Watch::new();
    watch
        .bench
        .chips
        .borrow_mut()
        .load(&SECONDARY, &file(20_000));
    let (code, times) = until_done(|| unsafe { smpkit_request_rollback(watch.kit()) });
    assert_eq!((code, times), (0, 6), "20,000 bytes, 4 KB at a time");
    assert_eq!(status(&watch).next_reset, SMPKIT_NEXT_TRIAL);
    watch.bench.assert_clean();
}

#[test]
fn i4_a_damaged_image_is_not_rolled_back_to() {
    let watch = Watch::new();
    let mut bad = file(20_000);
    bad[9_999] ^= 1;
    watch.bench.chips.borrow_mut().load(&SECONDARY, &bad);
    for permanent in [0, 1] {
        let (code, _) = until_done(|| unsafe { smpkit_schedule(watch.kit(), permanent) });
        assert_eq!(code, SMPKIT_ERR_BADIMAGE);
    }
    let (code, _) = until_done(|| unsafe { smpkit_request_rollback(watch.kit()) });
    assert_eq!(code, SMPKIT_ERR_BADIMAGE);
    assert_eq!(status(&watch).next_reset, SMPKIT_NEXT_SAME);
    assert_eq!(watch.bench.chips.borrow().operations(), 0);
}

#[test]
fn i14_schedule_writes_what_mcuboot_writes() {
    for (permanent, next, image_ok) in [(0, SMPKIT_NEXT_TRIAL, 0xFF), (1, SMPKIT_NEXT_PERMANENT, 1)]
    {
        let watch = Watch::new();
        watch
            .bench
            .chips
            .borrow_mut()
            .load(&SECONDARY, &file(20_000));
        let (code, _) = until_done(|| unsafe { smpkit_schedule(watch.kit(), permanent) });
        assert_eq!((code, status(&watch).next_reset), (0, next));
        let swap_info = if permanent == 0 { 2 } else { 3 };
        assert_eq!(
            watch.bench.trailer(&SECONDARY),
            trailer_bytes(true, image_ok, 0xFF, swap_info)
        );
    }
}

#[test]
fn orders_are_refused_during_an_update() {
    let watch = Watch::new();
    let line = watch.ble(244);
    watch.ask(&line, &first(&file(20_000), 100));
    assert_eq!(
        unsafe { smpkit_request_rollback(watch.kit()) },
        SMPKIT_ERR_BUSY
    );
    assert_eq!(unsafe { smpkit_schedule(watch.kit(), 0) }, SMPKIT_ERR_BUSY);
}

unsafe extern "C" fn datetime_get(_: *mut std::ffi::c_void, out: *mut smpkit_datetime) -> i32 {
    let time = smpkit_datetime {
        year: 2026,
        month: 11,
        day: 21,
        hour: 10,
        minute: 9,
        second: 8,
        ..zero()
    };
    unsafe { out.write(time) };
    0
}

unsafe extern "C" fn task_info(
    _: *mut std::ffi::c_void,
    index: u32,
    out: *mut smpkit_task_info,
) -> i32 {
    if index > 0 {
        return SMPKIT_ERR_NOENT;
    }
    let mut row: smpkit_task_info = zero();
    row.name[0] = b'q' as _;
    row.priority = 77;
    unsafe { out.write(row) };
    0
}

#[test]
fn services_answer_once_they_are_enabled() {
    let mut watch = Watch::cold();
    watch.port.datetime_get = Some(datetime_get);
    watch.port.task_info = Some(task_info);
    assert_eq!(watch.init(), 0);
    let line = watch.ble(244);
    assert_eq!(rc(&watch.ask(&line, &datetime())), Some(8));
    assert_eq!(rc(&watch.ask(&line, &task_statistics())), Some(8));
    assert_eq!(unsafe { smpkit_enable_datetime(watch.kit()) }, 0);
    let reply = watch.ask(&line, &datetime());
    assert!(
        reply.windows(19).any(|part| part == b"2026-11-21T10:09:08"),
        "{reply:02x?}"
    );
    assert_eq!(rc(&watch.ask(&line, &task_statistics())), Some(8));
    assert_eq!(unsafe { smpkit_enable_statistics(watch.kit()) }, 0);
    assert_eq!(
        number(&watch.ask(&line, &task_statistics()), "prio"),
        Some(77)
    );
}

#[test]
fn enabled_services_without_callbacks_are_not_supported() {
    let watch = Watch::new();
    let line = watch.ble(244);
    assert_eq!(unsafe { smpkit_enable_datetime(watch.kit()) }, 0);
    assert_eq!(unsafe { smpkit_enable_statistics(watch.kit()) }, 0);
    assert_eq!(rc(&watch.ask(&line, &datetime())), Some(8));
    assert_eq!(rc(&watch.ask(&line, &task_statistics())), Some(8));
}
