use super::*;
use crate::api::SMPKIT_BOOTLOADER_1_5_0;
use crate::compat::bench::{trailer_bytes, Bench, MAGIC, PRIMARY, SECONDARY};
use smpkit_core::flash::Area;
use smpkit_core::image::Version;
use smpkit_sim::{image, Board as Chips, Fault};
use std::ptr::null_mut;

const LIMIT: usize = 474_704;

fn version(major: u8) -> Version {
    Version {
        major,
        ..Version::default()
    }
}

/// A PineTime with v1 in the primary and v2 of `size` bytes in the secondary.
fn bench(size: usize) -> Bench {
    let bench = Bench::pinetime();
    load(&bench, size);
    bench
}

fn load(bench: &Bench, size: usize) {
    let mut chips = bench.chips.borrow_mut();
    chips.load(&PRIMARY, &image::build_sized(version(1), 1, 20_000));
    chips.load(&SECONDARY, &image::build_sized(version(2), 2, size));
}

fn set(bench: &Bench, area: &Area, trailer: [u8; 48]) {
    let mut chips = bench.chips.borrow_mut();
    *chips.bytes_mut(area).last_chunk_mut().unwrap() = trailer;
}

const UNSET: [u8; 48] = [0xFF; 48];

fn test() -> [u8; 48] {
    trailer_bytes(true, 0xFF, 0xFF, 2)
}

fn perm() -> [u8; 48] {
    trailer_bytes(true, 1, 0xFF, 3)
}

#[test]
fn pending_writes_the_bytes_of_mcuboot() {
    let bench = bench(20_000);
    assert_eq!(boot_swap_type(), 1);
    assert_eq!(boot_set_pending(0), 0);
    assert_eq!(bench.trailer(&SECONDARY), test());
    assert_eq!(boot_swap_type(), 2);
    drop(bench);
    let bench = self::bench(20_000);
    assert_eq!(boot_set_pending(1), 0);
    assert_eq!(bench.trailer(&SECONDARY), perm());
    assert_eq!(boot_swap_type(), 3);
    assert_eq!(bench.trailer(&PRIMARY), UNSET);
    bench.assert_clean();
}

// failure case 5
#[test]
fn case_05_the_other_permanence_is_written_anew() {
    let bench = bench(20_000);
    for (permanent, wanted) in [(0, test()), (1, perm()), (1, perm()), (0, test())] {
        assert_eq!(boot_set_pending(permanent), 0);
        assert_eq!(bench.trailer(&SECONDARY), wanted);
    }
    // The same again does nothing.
    let before = bench.chips.borrow().operations();
    assert_eq!(boot_set_pending(0), 0);
    assert_eq!(bench.chips.borrow().operations(), before);
    bench.assert_clean();
}

// failure case 5, 6
#[test]
fn case_05_an_image_in_the_trailer_sector_is_not_touched() {
    let bench = bench(LIMIT);
    assert_eq!(boot_set_pending(0), 0);
    let before = bench.chips.borrow().bytes(&SECONDARY).to_vec();
    assert_eq!(boot_set_pending(1), BOOT_EBADIMAGE);
    assert!(bench.chips.borrow().bytes(&SECONDARY) == before);
    bench.assert_clean();
}

// failure case 6
#[test]
fn case_06_a_damaged_magic_is_repaired() {
    let bench = bench(20_000);
    let damaged = |change: &dyn Fn(&mut [u8; 48])| {
        let mut trailer = UNSET;
        change(&mut trailer);
        trailer
    };
    let mut states = vec![];
    for written in 1..16 {
        states.push(damaged(&|t| {
            t[32..32 + written].copy_from_slice(&MAGIC[..written])
        }));
    }
    for bit in 0..128 {
        let mut trailer = test();
        trailer[32 + bit / 8] ^= 1 << (bit % 8);
        states.push(trailer);
    }
    let other = [0x10, 0x00, 0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B];
    states.push(damaged(&|t| t[32..40].copy_from_slice(&other)));
    for state in states {
        set(&bench, &SECONDARY, state);
        assert_eq!(boot_swap_type(), 1);
        assert_eq!(boot_set_pending(0), 0, "{state:02x?}");
        assert_eq!(bench.trailer(&SECONDARY), test());
    }
    let chips = bench.chips.borrow();
    let image = image::build_sized(version(2), 2, 20_000);
    assert!(
        chips.bytes(&SECONDARY).starts_with(&image),
        "the image stays"
    );
}

// failure case 9
#[test]
fn case_09_residue_below_an_unset_magic_is_not_taken_over() {
    let bench = bench(20_000);
    for (ok, info) in [(1, 0xFF), (1, 3), (0x7F, 2), (0xFF, 3), (0, 0)] {
        set(&bench, &SECONDARY, trailer_bytes(false, ok, 0xFF, info));
        assert_eq!(boot_set_pending(0), 0);
        assert_eq!(bench.trailer(&SECONDARY), test());
        assert_eq!(boot_swap_type(), 2);
    }
}

// failure case 10
#[test]
fn case_10_an_image_in_the_trailer_is_never_scheduled() {
    let bench = bench(LIMIT);
    assert_eq!(boot_set_pending(0), 0);
    for size in [
        474_705, 474_741, 474_744, 475_096, 475_097, 475_120, 475_136,
    ] {
        load(&bench, size);
        let before = bench.chips.borrow().bytes(&SECONDARY).to_vec();
        for permanent in [0, 1] {
            assert_eq!(boot_set_pending(permanent), BOOT_EBADIMAGE, "{size}");
        }
        assert!(bench.chips.borrow().bytes(&SECONDARY) == before);
    }
    // Nor is an empty slot, which 1.5.0 would keep scheduled for whatever comes next.
    bench.chips.borrow_mut().load(&SECONDARY, &[]);
    assert_eq!(boot_set_pending(0), BOOT_EBADIMAGE);
    assert_eq!(bench.trailer(&SECONDARY), UNSET);
    bench.assert_clean();
}

// failure case 7
#[test]
fn case_07_a_bit_that_does_not_take_is_found() {
    for offset in [16, 12, 1, 24, 40] {
        for permanent in [0, 1] {
            let bench = bench(20_000);
            let at = SECONDARY.offset + SECONDARY.size - offset;
            bench.chips.borrow_mut().chips[1].stick(at, 0, 0xFE);
            let code = boot_set_pending(permanent);
            // A field that stays erased is as wanted.
            let kept = permanent == 0 && offset == 24;
            assert_eq!(code == 0, kept, "{offset} {permanent} {code}");
        }
    }
}

// failure case 23
#[test]
fn case_23_confirm() {
    let bench = bench(20_000);
    let trial = trailer_bytes(true, 0xFF, 1, 2);
    let confirmed = trailer_bytes(true, 1, 1, 2);
    let mut bad = trial;
    bad[40] = 0;
    let cases = [
        // Never on trial.
        (UNSET, 0, UNSET),
        (trial, 0, confirmed),
        (confirmed, 0, confirmed),
        // A padded factory image: 1.5.0 answers 4.
        (
            trailer_bytes(true, 0xFF, 0xFF, 0xFF),
            0,
            trailer_bytes(true, 1, 0xFF, 0xFF),
        ),
        (bad, BOOT_EBADVECT, bad),
        // Confirmed by a whole word, 0x00000001, and by a byte.
        (trial, 0, confirmed),
    ];
    for (before, code, after) in cases {
        set(&bench, &PRIMARY, before);
        assert_eq!(boot_set_confirmed(), code);
        assert_eq!(bench.trailer(&PRIMARY), after);
    }
    let mut word = trailer_bytes(true, 1, 1, 2);
    word[25..28].fill(0);
    set(&bench, &PRIMARY, word);
    assert_eq!((boot_set_confirmed(), bench.trailer(&PRIMARY)), (0, word));
    // A confirm that was cut is finished.
    set(&bench, &PRIMARY, trailer_bytes(true, 0x0F, 1, 2));
    assert_eq!(boot_set_confirmed(), 0);
    assert_eq!(bench.trailer(&PRIMARY), confirmed);
    bench.assert_clean();
}

// failure case 25
#[test]
fn case_25_faults_become_eflash_and_leave_nothing_scheduled() {
    for fault in [Fault::Read, Fault::Write, Fault::LostWrite, Fault::Garble] {
        for number in 0..40 {
            let bench = bench(20_000);
            bench.chips.borrow_mut().chips[1].inject(fault(number));
            let code = boot_set_pending(1);
            assert!(matches!(code, 0 | BOOT_EFLASH | BOOT_EBADIMAGE), "{code}");
            let mut left = bench.chips.borrow().chips[1].clone();
            left.set_unreadable(false);
            let good = bench.trailer(&SECONDARY) == perm();
            assert!(code != 0 || good, "success without effect");
            let magic_written = bench.trailer(&SECONDARY)[32..] == MAGIC;
            assert!(!magic_written || good, "magic over an incomplete trailer");
        }
    }
}

// failure case 27
#[test]
fn case_27_unreadable_slots() {
    let bench = bench(20_000);
    bench.chips.borrow_mut().chips[1].set_unreadable(true);
    assert_eq!(boot_swap_type(), 1);
    assert_eq!(boot_set_pending(0), BOOT_EFLASH);
    bench.chips.borrow_mut().chips[0].set_unreadable(true);
    assert_eq!(boot_swap_type(), 0xFF);
    assert_eq!(boot_set_confirmed(), BOOT_EFLASH);
    drop(bench);
    let bench = Bench::with(Chips::pinetime(), |config| {
        config.bootloader = SMPKIT_BOOTLOADER_1_5_0;
    });
    bench.chips.borrow_mut().chips[1].set_unreadable(true);
    assert_eq!(boot_swap_type(), 0xFF);
}

#[test]
fn rollback_depends_on_the_bootloader() {
    for (bootloader, bad_secondary) in [(0, 4), (SMPKIT_BOOTLOADER_1_5_0, 1)] {
        let bench = Bench::with(Chips::pinetime(), |config| config.bootloader = bootloader);
        set(&bench, &PRIMARY, trailer_bytes(true, 0xFF, 1, 2));
        assert_eq!(boot_swap_type(), 4);
        let mut bad = UNSET;
        bad[47] = 0;
        set(&bench, &SECONDARY, bad);
        assert_eq!(boot_swap_type(), bad_secondary);
    }
}

#[test]
fn a_state_is_read_by_area_id() {
    let bench = bench(20_000);
    set(&bench, &PRIMARY, trailer_bytes(true, 1, 0x55, 0x23));
    let blank = boot_swap_state {
        magic: 0xEE,
        swap_type: 0xEE,
        copy_done: 0xEE,
        image_ok: 0xEE,
        image_num: 0xEE,
    };
    let ask = |id| {
        let mut s = blank;
        let code = unsafe { boot_read_swap_state_by_id(id, &mut s) };
        (
            code,
            [s.magic, s.swap_type, s.copy_done, s.image_ok, s.image_num],
        )
    };
    assert_eq!(ask(1), (0, [1, 3, 2, 1, 2]));
    assert_eq!(ask(2), (0, [3, 1, 3, 3, 0]));
    for id in [99, -1, 257, c_int::MAX] {
        assert_eq!(ask(id), (BOOT_EFLASH, [0xEE; 5]));
    }
    bench.chips.borrow_mut().chips[0].set_unreadable(true);
    assert_eq!(ask(1), (BOOT_EFLASH, [0xEE; 5]));
    let code = unsafe { boot_read_swap_state_by_id(1, null_mut()) };
    assert_eq!(code, BOOT_EBADARGS);
}

#[test]
fn other_images_and_an_unstarted_kit_are_errors() {
    let bench = bench(20_000);
    for image in [1, -1] {
        assert_eq!(boot_set_pending_multi(image, 0), BOOT_EFLASH);
        assert_eq!(boot_set_confirmed_multi(image), BOOT_EFLASH);
        assert_eq!(boot_swap_type_multi(image), 0xFF);
    }
    drop(bench);
    let _bench = Bench::cold(Chips::pinetime());
    assert_eq!(boot_set_pending(0), BOOT_EFLASH);
    assert_eq!(boot_set_confirmed(), BOOT_EFLASH);
    assert_eq!(boot_swap_type(), 0xFF);
}
