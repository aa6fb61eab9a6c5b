//! Updates from another source: smpkit_writer_*.

use super::packets::{chunk, first, off, rc};
use super::rig::*;
use crate::calls::*;
use crate::compat::bench::SECONDARY;
use crate::port::*;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

type Transform = unsafe extern "C" fn(*mut c_void, u32, *mut c_void, u32) -> i32;

fn begin(watch: &Watch, file: &[u8]) -> i32 {
    let sha = sha256(file);
    unsafe { smpkit_writer_begin(watch.kit(), file.len() as u32, sha.as_ptr()) }
}

/// One call, which does at most one write or erase.
fn write(watch: &Watch, offset: u32, bytes: &[u8], transform: Option<Transform>) -> i32 {
    let before = watch.bench.chips.borrow().operations();
    let (data, len) = (bytes.as_ptr().cast(), bytes.len() as u32);
    let code =
        unsafe { smpkit_writer_write(watch.kit(), offset, data, len, transform, null_mut()) };
    let operations = watch.bench.chips.borrow().operations() - before;
    assert!(operations <= 1, "I7: {operations} operations in one call");
    code
}

/// Give a file from `offset` on, up to `end`; returns the last code.
fn give(
    watch: &Watch,
    file: &[u8],
    mut offset: u32,
    end: u32,
    n: usize,
    transform: Option<Transform>,
) -> i32 {
    for _ in 0..100_000 {
        let stop = (offset as usize + n).min(file.len());
        match write(watch, offset, &file[offset as usize..stop], transform) {
            next if next < 0 || next as u32 >= end => return next,
            next => offset = next as u32,
        }
    }
    panic!("no progress at {offset}");
}

fn finish(watch: &Watch) -> i32 {
    for _ in 0..1000 {
        match unsafe { smpkit_writer_finish(watch.kit()) } {
            SMPKIT_ERR_AGAIN => {}
            code => return code,
        }
    }
    panic!("never finished");
}

fn slot(watch: &Watch, len: usize) -> Vec<u8> {
    watch.bench.chips.borrow().bytes(&SECONDARY)[..len].to_vec()
}

#[test]
fn a_file_in_any_pieces_ends_checked_and_can_be_scheduled() {
    for n in [32, 33, 100, 256, 257, 1000, 5000] {
        let watch = Watch::new();
        let file = file(30_001);
        assert_eq!(begin(&watch, &file), 0);
        assert_eq!(give(&watch, &file, 0, 30_001, n, None), 30_001, "{n}");
        assert_eq!(finish(&watch), 0);
        assert_eq!(slot(&watch, 30_001), file);
        // It was checked: no hashing now.
        assert_eq!(unsafe { smpkit_schedule(watch.kit(), 0) }, 0);
        watch.bench.assert_clean();
    }
}

#[test]
fn a_dirty_slot_is_erased_a_step_at_a_time() {
    let watch = Watch::new();
    watch
        .bench
        .chips
        .borrow_mut()
        .load(&SECONDARY, &vec![0x11; SECONDARY.size as usize]);
    let file = file(30_000);
    assert_eq!(begin(&watch, &file), 0);
    assert_eq!(
        watch.bench.chips.borrow().operations(),
        0,
        "nothing is erased yet"
    );
    assert_eq!(give(&watch, &file, 0, 30_000, 256, None), 30_000);
    assert_eq!(finish(&watch), 0);
    watch.bench.assert_clean();
}

#[test]
fn a_transform_sees_every_byte_at_its_offset() {
    unsafe extern "C" fn xor(_: *mut c_void, offset: u32, data: *mut c_void, len: u32) -> i32 {
        let bytes = unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>(), len as usize) };
        for (at, byte) in (offset..).zip(bytes) {
            *byte ^= (at * 7 + 3) as u8;
        }
        0
    }
    let watch = Watch::new();
    let plain = file(20_000);
    let cipher: Vec<u8> = (0u32..)
        .zip(&plain)
        .map(|(at, byte)| byte ^ (at * 7 + 3) as u8)
        .collect();
    // The SHA-256 is that of what lies in flash.
    assert_eq!(begin(&watch, &plain), 0);
    assert_eq!(give(&watch, &cipher, 0, 20_000, 300, Some(xor)), 20_000);
    assert_eq!(finish(&watch), 0);
    assert_eq!(slot(&watch, 20_000), plain);
}

#[test]
fn an_error_of_the_transform_ends_the_session() {
    unsafe extern "C" fn fail(_: *mut c_void, offset: u32, _: *mut c_void, _: u32) -> i32 {
        if offset >= 5_000 {
            -123
        } else {
            0
        }
    }
    let watch = Watch::new();
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    assert_eq!(give(&watch, &file, 0, 20_000, 256, Some(fail)), -123);
    assert_eq!(
        write(&watch, 5_000, &file[5_000..5_100], None),
        SMPKIT_ERR_BADSTATE
    );
    assert_eq!(
        unsafe { smpkit_writer_finish(watch.kit()) },
        SMPKIT_ERR_BADSTATE
    );
}

#[test]
fn a_wrong_offset_is_told_the_right_one() {
    let watch = Watch::new();
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    assert_eq!(write(&watch, 100, &file[100..200], None), 0);
    let at = give(&watch, &file, 0, 1_000, 256, None);
    for wrong in [0, 1, at as u32 - 1, at as u32 + 1, 19_999, u32::MAX] {
        assert_eq!(write(&watch, wrong, &file[..100], None), at);
    }
    assert_eq!(give(&watch, &file, at as u32, 20_000, 256, None), 20_000);
    assert_eq!(finish(&watch), 0);
}

#[test]
fn an_update_goes_on_after_a_restart() {
    let mut watch = Watch::new();
    let file = file(60_000);
    assert_eq!(begin(&watch, &file), 0);
    give(&watch, &file, 0, 40_000, 256, None);
    watch.restart();
    assert_eq!(begin(&watch, &file), 0);
    let mut next = 0;
    while next == 0 {
        next = write(&watch, 0, &file[..256], None);
    }
    assert!((30_000..=40_000).contains(&next), "went on at {next}");
    assert_eq!(give(&watch, &file, next as u32, 60_000, 256, None), 60_000);
    assert_eq!(finish(&watch), 0);
    assert_eq!(slot(&watch, 60_000), file);
}

#[test]
fn i4_a_bad_image_is_found_and_its_header_erased() {
    let watch = Watch::new();
    let mut bad = file(20_000);
    bad[10_000] ^= 1;
    // The file is what the sender promised, but it is no image; without a SHA-256, and with one.
    for sha in [None, Some(sha256(&bad))] {
        let sha = sha.as_ref().map_or(null(), |sha| sha.as_ptr());
        assert_eq!(unsafe { smpkit_writer_begin(watch.kit(), 20_000, sha) }, 0);
        assert_eq!(give(&watch, &bad, 0, 20_000, 256, None), 20_000);
        assert_eq!(finish(&watch), SMPKIT_ERR_BADIMAGE);
        assert_eq!(slot(&watch, 4096), [0xFF; 4096]);
        assert_eq!(unsafe { smpkit_schedule(watch.kit(), 0) }, SMPKIT_ERR_NOENT);
    }
}

#[test]
fn i4_a_file_that_is_not_the_promised_one_is_found() {
    let watch = Watch::new();
    let (good, other) = (file(20_000), file(20_001));
    let sha = sha256(&other);
    assert_eq!(
        unsafe { smpkit_writer_begin(watch.kit(), 20_000, sha.as_ptr()) },
        0
    );
    assert_eq!(give(&watch, &good, 0, 20_000, 256, None), 20_000);
    assert_eq!(finish(&watch), SMPKIT_ERR_BADIMAGE);
}

#[test]
fn what_is_no_image_is_refused_at_its_header() {
    let watch = Watch::new();
    let mut odd = file(20_000);
    odd[0] ^= 1;
    assert_eq!(begin(&watch, &odd), 0);
    assert_eq!(write(&watch, 0, &odd[..256], None), SMPKIT_ERR_BADIMAGE);
    let encrypted = smpkit_sim::image::build(
        version(2),
        &[0; 5_000],
        &smpkit_sim::image::Options {
            flags: 4,
            ..Default::default()
        },
    );
    assert_eq!(begin(&watch, &encrypted), 0);
    assert_eq!(
        write(&watch, 0, &encrypted[..256], None),
        SMPKIT_ERR_UNSUPPORTED
    );
    assert_eq!(watch.bench.chips.borrow().operations(), 0);
}

#[test]
fn a_first_piece_without_a_whole_header_is_refused() {
    let watch = Watch::new();
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    assert_eq!(write(&watch, 0, &file[..31], None), SMPKIT_ERR_BADIMAGE);
}

#[test]
fn finish_before_the_end_is_refused_and_spoils_nothing() {
    let watch = Watch::new();
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    let at = give(&watch, &file, 0, 10_000, 256, None);
    assert_eq!(
        unsafe { smpkit_writer_finish(watch.kit()) },
        SMPKIT_ERR_BADSTATE
    );
    assert_eq!(give(&watch, &file, at as u32, 20_000, 256, None), 20_000);
    assert_eq!(finish(&watch), 0);
}

#[test]
fn bytes_behind_the_end_are_not_taken() {
    let watch = Watch::new();
    let file = file(20_000);
    let longer = [&file[..], &[0; 100]].concat();
    assert_eq!(begin(&watch, &file), 0);
    assert_eq!(give(&watch, &longer, 0, 20_000, 300, None), 20_000);
    assert_eq!(write(&watch, 20_000, &[0; 100], None), 20_000);
    assert_eq!(finish(&watch), 0);
    assert_eq!(slot(&watch, 20_100)[20_000..], [0xFF; 100]);
}

#[test]
fn i6_an_image_too_large_is_refused_and_the_largest_is_not() {
    let watch = Watch::new();
    assert_eq!(
        unsafe { smpkit_writer_begin(watch.kit(), 474_705, null()) },
        SMPKIT_ERR_TOOBIG
    );
    let largest = file(474_704);
    assert_eq!(begin(&watch, &largest), 0);
    assert_eq!(give(&watch, &largest, 0, 474_704, 256, None), 474_704);
    assert_eq!(finish(&watch), 0);
    assert_eq!(slot(&watch, 474_704), largest);
}

#[test]
fn i8_clients_are_told_busy_for_30_s() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let (own, theirs) = (
        file(20_000),
        smpkit_sim::image::build_sized(version(3), 3, 20_000),
    );
    assert_eq!(begin(&watch, &own), 0);
    let at = give(&watch, &own, 0, 2_000, 256, None);
    assert_eq!(rc(&watch.ask(&line, &first(&theirs, 100))), Some(10));
    watch.run_for(29_000);
    assert_eq!(rc(&watch.ask(&line, &first(&theirs, 100))), Some(10));
    assert_eq!(
        write(&watch, at as u32, &own[at as usize..][..100], None),
        at + 100
    );
    watch.run_for(29_000);
    assert_eq!(rc(&watch.ask(&line, &first(&theirs, 100))), Some(10));
    watch.run_for(1_100);
    assert_eq!(off(&watch.ask(&line, &first(&theirs, 100))), Some(100));
    assert_eq!(
        write(&watch, at as u32 + 100, &own[..100], None),
        SMPKIT_ERR_BADSTATE
    );
    assert_eq!(begin(&watch, &own), SMPKIT_ERR_BUSY);
}

#[test]
fn a_client_takes_over_a_session_that_never_got_a_byte() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    watch.run_for(31_000);
    // The same file: it must not be asked for offset 0 for ever.
    let reply = watch.upload_at_most(&line, &file, 200, 200);
    assert!(super::packets::matches(&reply), "{reply:02x?}");
}

#[test]
fn the_firmware_waits_for_a_client_that_is_at_it() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let (own, theirs) = (
        file(20_000),
        smpkit_sim::image::build_sized(version(3), 3, 20_000),
    );
    watch.ask(&line, &first(&theirs, 100));
    assert_eq!(begin(&watch, &own), SMPKIT_ERR_BUSY);
    assert_eq!(unsafe { smpkit_writer_abort(watch.kit()) }, 0);
    assert_eq!(
        off(&watch.ask(&line, &chunk(&theirs, 100, 100))),
        Some(200),
        "not the firmware's to abort"
    );
    watch.run_for(30_100);
    assert_eq!(begin(&watch, &own), 0);
    assert_eq!(give(&watch, &own, 0, 20_000, 256, None), 20_000);
    assert_eq!(finish(&watch), 0);
}

#[test]
fn abort_frees_the_session_at_once() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    give(&watch, &file, 0, 2_000, 256, None);
    assert_eq!(unsafe { smpkit_writer_abort(watch.kit()) }, 0);
    assert_eq!(unsafe { smpkit_writer_abort(watch.kit()) }, 0);
    assert!(super::packets::matches(&watch.upload(&line, &file, 200)));
}

#[test]
fn the_port_and_a_trial_may_refuse_a_session() {
    let watch = Watch::new();
    let file = file(20_000);
    watch.side.may_start.set(-1);
    assert_eq!(begin(&watch, &file), SMPKIT_ERR_DENIED);
    watch.side.may_start.set(0);
    let trial = crate::compat::bench::trailer_bytes(true, 0xFF, 1, 2);
    let primary = crate::compat::bench::PRIMARY;
    *watch
        .bench
        .chips
        .borrow_mut()
        .bytes_mut(&primary)
        .last_chunk_mut()
        .unwrap() = trial;
    assert_eq!(begin(&watch, &file), SMPKIT_ERR_BADSTATE);
    assert_eq!(unsafe { smpkit_confirm(watch.kit()) }, 0);
    assert_eq!(begin(&watch, &file), 0);
}

#[test]
fn a_flash_failure_is_told_and_ends_the_session() {
    let watch = Watch::new();
    let file = file(20_000);
    assert_eq!(begin(&watch, &file), 0);
    let at = give(&watch, &file, 0, 5_000, 256, None) as u32;
    watch.bench.chips.borrow_mut().chips[1].inject(smpkit_sim::Fault::Write(0));
    let code = give(&watch, &file, at, 20_000, 256, None);
    assert_eq!(code, SMPKIT_ERR_FLASH);
    assert_eq!(write(&watch, at, &file[..100], None), SMPKIT_ERR_BADSTATE);
}
