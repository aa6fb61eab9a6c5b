#[cfg(feature = "dialect-mcuboot")]
use super::mcuboot::flash_area_erase;
#[cfg(not(feature = "dialect-mcuboot"))]
use super::mynewt::flash_area_erase;
use super::*;
use crate::compat::bench::{Bench, SECONDARY};
use smpkit_core::flash::EraseSize;
use smpkit_sim::{Board as Chips, Fault, Nor, OpKind, Random};
use std::ptr::{null, null_mut};

#[cfg(feature = "dialect-mcuboot")]
mod in_mcuboot;
#[cfg(not(feature = "dialect-mcuboot"))]
mod in_mynewt;

fn open(id: u8) -> *const flash_area {
    let mut fa = null();
    assert_eq!(unsafe { flash_area_open(id, &mut fa) }, 0);
    fa
}

fn get(fa: *const flash_area, off: u32, dst: &mut [u8]) -> c_int {
    unsafe { flash_area_read(fa, off, dst.as_mut_ptr().cast(), dst.len() as u32) }
}

fn put(fa: *const flash_area, off: u32, src: &[u8]) -> c_int {
    unsafe { flash_area_write(fa, off, src.as_ptr().cast(), src.len() as u32) }
}

fn wipe(fa: *const flash_area, off: u32, len: u32) -> c_int {
    unsafe { flash_area_erase(fa, off, len) }
}

fn erases(bench: &Bench, device: usize) -> Vec<(u32, u32)> {
    let chips = bench.chips.borrow();
    let log = chips.chips[device].log().iter();
    let erases = log.filter(|op| op.kind == OpKind::Erase);
    erases.map(|op| (op.offset, op.len)).collect()
}

#[test]
fn open_finds_every_area_and_nothing_else() {
    let _bench = Bench::pinetime();
    for id in 0..=255 {
        let mut fa = null();
        let code = unsafe { flash_area_open(id, &mut fa) };
        let known = matches!(id, 0..=3 | 16 | 17);
        assert_eq!(code, if known { 0 } else { SYS_ENOENT }, "{id}");
        assert_eq!(fa.is_null(), !known);
    }
    assert_eq!(unsafe { flash_area_open(1, null_mut()) }, SYS_EINVAL);
    let slot = unsafe { open(2).read() };
    assert_eq!((slot.fa_id, slot.fa_device_id), (2, 1));
    assert_eq!((slot.fa_off, slot.fa_size), (0x40000, 0x74000));
    flash_area_close(&slot);
}

#[test]
fn before_start_nothing_is_reachable() {
    let _bench = Bench::cold(Chips::pinetime());
    let mut fa = null();
    assert_eq!(unsafe { flash_area_open(1, &mut fa) }, SYS_EACCES);
    let own = flash_area {
        fa_id: 1,
        fa_device_id: 0,
        pad16: 0,
        fa_off: 0,
        fa_size: 4096,
    };
    let mut byte = [0x5A];
    assert_eq!(get(&own, 0, &mut byte), SYS_EACCES);
    assert_eq!(put(&own, 0, &byte), SYS_EACCES);
    assert_eq!(wipe(&own, 0, 4096), SYS_EACCES);
    let mut empty = true;
    assert_eq!(unsafe { flash_area_is_empty(&own, &mut empty) }, SYS_EACCES);
    assert_eq!(unsafe { flash_area_align(&own) }, 1);
    assert_eq!(byte, [0x5A]);
}

#[test]
fn null_is_an_error_everywhere() {
    let _bench = Bench::pinetime();
    let fa = open(2);
    let mut byte = [0];
    assert_eq!(get(null(), 0, &mut byte), SYS_EINVAL);
    assert_eq!(put(null(), 0, &byte), SYS_EINVAL);
    assert_eq!(wipe(null(), 0, 4096), SYS_EINVAL);
    unsafe {
        assert_eq!(flash_area_read(fa, 0, null_mut(), 4), SYS_EINVAL);
        assert_eq!(flash_area_read(fa, 0, null_mut(), 0), 0);
        assert_eq!(flash_area_write(fa, 0, null(), 4), SYS_EINVAL);
        assert_eq!(flash_area_write(fa, 0, null(), 0), 0);
        assert_eq!(flash_area_read_is_empty(fa, 0, null_mut(), 4), SYS_EINVAL);
        assert_eq!(flash_area_is_empty(fa, null_mut()), SYS_EINVAL);
        assert_eq!(flash_area_align(null()), 1);
        assert_eq!(erased_val(null()), 0xFF);
    }
    flash_area_close(null());
}

// failure case 36
#[test]
fn case_36_ranges_that_wrap_are_outside() {
    let bench = Bench::pinetime();
    let fa = open(2);
    let mut buffer = [0; 0x20];
    let bad = [
        (0xFFFF_FFF0, 0x20),
        (0x74000, 1),
        (0x73FFF, 2),
        (0, 0x74001),
        (1, u32::MAX),
        (u32::MAX, 1),
        (0x74001, 0),
    ];
    for (off, len) in bad {
        let dst: *mut c_void = buffer.as_mut_ptr().cast();
        unsafe {
            assert_eq!(
                flash_area_read(fa, off, dst, len),
                OUTSIDE,
                "{off:#x} {len:#x}"
            );
            assert_eq!(flash_area_read_is_empty(fa, off, dst, len), OUTSIDE);
            assert_eq!(flash_area_write(fa, off, dst, len), OUTSIDE);
            assert_eq!(flash_area_erase(fa, off, len), OUTSIDE);
        }
    }
    assert_eq!(get(fa, 0x74000, &mut []), 0);
    // Areas that callers made themselves end where the device does.
    let own = |fa_device_id, fa_off, fa_size| flash_area {
        fa_id: 9,
        fa_device_id,
        pad16: 0,
        fa_off,
        fa_size,
    };
    assert_eq!(
        get(&own(1, 0x3F_F000, 0x2000), 0x1000, &mut buffer),
        SYS_EINVAL
    );
    assert_eq!(
        get(&own(1, 0xFFFF_F000, 0x2000), 0x1000, &mut buffer),
        OUTSIDE
    );
    assert_eq!(get(&own(2, 0, 0x2000), 0, &mut buffer), SYS_ENOENT);
    assert_eq!(put(&own(0, 0x7_F000, 0x2000), 0xFF0, &buffer), SYS_EINVAL);
    assert_ne!(wipe(&own(0, 0x7_F000, 0x2000), 0, 0x2000), 0);
    assert_eq!(bench.chips.borrow().chips[0].memory()[0x7_FFF0], 0xFF);
    assert_eq!(bench.chips.borrow().operations(), 0);
    bench.assert_clean();
}

// failure case 14
#[test]
fn case_14_writes_are_cut_at_pages_and_land_whole() {
    let seed = 14;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    for (units, page) in [((1, 1), 256), ((4, 4), 256), ((1, 8), 512), ((4, 1), 4096)] {
        let bench = Bench::with(Chips::with_write_units(units.0, units.1), |config| {
            config.page_size = page;
        });
        let (fa, unit) = (open(17), units.1);
        let mut wanted = vec![0xFF; 0x20000];
        let mut at = 0;
        while at < 0x1F000 {
            let len = (1 + random.below(700)) * unit;
            let mut data = vec![0; len as usize];
            random.fill(&mut data);
            assert_eq!(put(fa, at, &data), 0);
            wanted[at as usize..][..data.len()].copy_from_slice(&data);
            at += len + random.below(3) * unit;
        }
        let mut found = vec![0; wanted.len()];
        assert_eq!(get(fa, 0, &mut found), 0);
        assert!(found == wanted, "units {units:?}");
        let chips = bench.chips.borrow();
        for op in chips.chips[1].log() {
            assert_eq!(
                op.offset / page,
                (op.offset + op.len - 1) / page,
                "crosses a page"
            );
        }
        let (write, read) = bench.most.get();
        assert!(write <= 256 && read <= 4096, "{write} {read}");
        drop(chips);
        bench.assert_clean();
    }
}

// failure case 13, 14
#[test]
fn case_14_what_is_not_aligned_is_refused_whole() {
    let bench = Bench::with(Chips::with_write_units(4, 8), |_| {});
    let fa = open(2);
    for (off, len) in [(4, 8), (0, 4), (0, 300), (1, 8)] {
        assert_eq!(put(fa, off, &vec![0; len]), SYS_EINVAL);
    }
    assert_eq!(bench.chips.borrow().operations(), 0);
    assert_eq!(unsafe { flash_area_align(fa) }, 8);
    assert_eq!(unsafe { flash_area_align(open(1)) }, 4);
}

// failure case 25
#[test]
fn case_25_faults_of_the_device_are_negative() {
    let bench = Bench::pinetime();
    let fa = open(2);
    let fault = |fault| bench.chips.borrow_mut().chips[1].inject(fault);
    let mut buffer = [0x77; 512];
    fault(Fault::Read(0));
    assert_eq!(get(fa, 0, &mut buffer), SYS_EIO);
    fault(Fault::Write(1));
    assert_eq!(put(fa, 0, &buffer), SYS_EIO);
    fault(Fault::Erase(0));
    assert_eq!(wipe(fa, 0, 8192), SYS_EIO);
    let mut empty = true;
    fault(Fault::Read(0));
    assert_eq!(unsafe { flash_area_is_empty(fa, &mut empty) }, SYS_EIO);
    assert!(empty, "written only on success");
    assert_eq!(unsafe { flash_area_is_empty(fa, &mut empty) }, 0);
    assert!(!empty);
    assert_eq!(wipe(fa, 0, 4096), 0);
    assert_eq!(unsafe { flash_area_is_empty(fa, &mut empty) }, 0);
    assert!(empty);
    // The port's own numbers reach the caller.
    assert_eq!(sys(Error::check(-117).unwrap_err()), -117);
    bench.assert_clean();
}

#[test]
fn read_is_empty_tells_and_copies() {
    let bench = Bench::pinetime();
    let fa = open(2);
    let mut buffer = [0u8; 64];
    let mut ask = |off, len: u32| unsafe {
        flash_area_read_is_empty(fa, off, buffer.as_mut_ptr().cast(), len)
    };
    assert_eq!(ask(0x200, 64), 1);
    bench.chips.borrow_mut().bytes_mut(&SECONDARY)[0x240] = 0x7F;
    assert_eq!(ask(0x200, 64), 1);
    assert_eq!(ask(0x201, 64), 0);
    assert_eq!(buffer[63], 0x7F);
}

// failure case 26, 31
#[test]
fn case_31_split_erases_are_waited_for_and_the_dog_is_fed() {
    let bench = Bench::pinetime();
    bench.chips.borrow_mut().chips[1].set_erase_again(40);
    let fa = open(2);
    assert_eq!(wipe(fa, 0x1000, 0x3000), 0);
    assert_eq!(
        erases(&bench, 1),
        [(0x41000, 4096), (0x42000, 4096), (0x43000, 4096)]
    );
    assert!(bench.feeds.get() > 3 * 40);
    assert!(bench.longest.get() <= 1000, "{}", bench.longest.get());
    let mut empty = false;
    assert_eq!(unsafe { flash_area_is_empty(fa, &mut empty) }, 0);
    assert!(empty && bench.longest.get() <= 1000);
    bench.assert_clean();
}

// failure case 26
#[test]
fn case_26_an_erase_that_never_ends_is_given_up() {
    let bench = Bench::pinetime();
    bench.chips.borrow_mut().chips[1].set_erase_again(u32::MAX);
    assert_eq!(wipe(open(2), 0, 4096), SYS_ETIMEOUT);
    assert!(
        bench.clock.get() <= 2 * 400 + 3000 + 10,
        "{}",
        bench.clock.get()
    );
}

/// 4, 32 and 64 KB, all of them fast.
fn fast() -> Chips {
    let erase = |size| EraseSize { size, max_ms: 50 };
    let mut geometry = Chips::pinetime().geometry(1).unwrap();
    geometry.erase = [erase(0x1000), erase(0x8000), erase(0x10000)];
    Chips::new(vec![Nor::nrf52(), Nor::new(geometry)])
}

#[test]
fn erases_use_the_largest_unit_that_fits() {
    let bench = Bench::with(fast(), |_| {});
    assert_eq!(wipe(open(2), 0x7000, 0x74000 - 0x7000), 0);
    let mut wanted = vec![(0x47000, 0x1000), (0x48000, 0x8000)];
    wanted.extend((0x5..0xB).map(|n| (n * 0x10000, 0x10000)));
    wanted.extend((0xB0..0xB4).map(|n| (n * 0x1000, 0x1000)));
    assert_eq!(erases(&bench, 1), wanted);
    bench.assert_clean();
}

#[test]
fn erases_that_take_too_long_are_not_used() {
    let bench = Bench::pinetime();
    assert_eq!(wipe(open(2), 0, 0x10000), 0);
    assert_eq!(erases(&bench, 1).len(), 16);
    drop(bench);
    let bench = Bench::with(Chips::pinetime(), |config| config.erase_step_ms = 1000);
    assert_eq!(wipe(open(2), 0, 0x10000), 0);
    assert_eq!(erases(&bench, 1), [(0x40000, 0x10000)]);
}
