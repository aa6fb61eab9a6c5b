//! Confirming the running image: which states are left alone, exact bytes, cuts, bad flash.

use smpkit_core::flash::layout::{find, ID_PRIMARY, PINETIME};
use smpkit_core::flash::Area;
use smpkit_core::image::{Bootloader, Slots, SwapType, Version};
use smpkit_core::Error;
use smpkit_sim::image::build_sized;
use smpkit_sim::{Board, Cut, Fault};

const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];
const BOTH: [Bootloader; 2] = [Bootloader::V1_5_0, Bootloader::Current];

fn primary() -> Area {
    find(&PINETIME, ID_PRIMARY).unwrap()
}

fn slots(board: &Board) -> Slots {
    Slots::new(board, &PINETIME, 8, Bootloader::V1_5_0).unwrap()
}

fn put(board: &mut Board, offset: usize, bytes: &[u8]) {
    let cells = board.bytes_mut(&primary());
    let at = cells.len() - offset;
    cells[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The primary after the bootloader has swapped for a test: 51 sectors' status, size, copy_done.
fn on_trial(unit: u32) -> Board {
    let mut board = Board::with_write_units(unit, unit);
    board.load(&primary(), &build_sized(Version::default(), 2, 205_072));
    put(&mut board, 432, &[1; 153]);
    put(&mut board, 48, &0x32110u32.to_le_bytes());
    put(&mut board, 40, &[2]);
    put(&mut board, 32, &[1]);
    put(&mut board, 16, &MAGIC);
    board
}

fn image_ok(board: &Board) -> u8 {
    let cells = board.bytes(&primary());
    cells[cells.len() - 24]
}

#[test]
fn confirm_changes_one_byte_and_ends_the_trial() {
    for unit in [1, 4, 8] {
        let mut board = on_trial(unit);
        let slots = slots(&board);
        assert_eq!(slots.swap_type(&mut board), SwapType::Revert);
        let mut wanted = board.bytes(&primary()).to_vec();
        assert_eq!(slots.confirm(&mut board), Ok(()));
        let at = wanted.len() - 24;
        wanted[at] = 1;
        assert!(board.bytes(&primary()) == wanted);
        assert_eq!(slots.swap_type(&mut board), SwapType::None);
        let log = board.chips[0].log();
        assert_eq!(log.len(), 1);
        assert_eq!((log[0].offset, log[0].len), (0x7BFE8, unit));
        assert!(board.chips[1].log().is_empty());
        // Again: nothing to do.
        assert_eq!(slots.confirm(&mut board), Ok(()));
        assert_eq!(board.operations(), 1);
        assert!(board.violations().is_empty());
    }
}

/// Confirm a primary with these bytes; returns the result and the number of writes.
fn confirm(magic: &[u8], ok: &[u8], copy_done: u8) -> (Result<(), Error>, u32, u8) {
    let mut board = Board::pinetime();
    put(&mut board, 16, magic);
    put(&mut board, 24, ok);
    put(&mut board, 32, &[copy_done]);
    let slots = slots(&board);
    let result = slots.confirm(&mut board);
    assert!(board.violations().is_empty());
    (result, board.operations(), image_ok(&board))
}

// failure case 23
#[test]
fn case_23_confirm_in_every_state() {
    let none = &[0xFF; 16];
    // Flashed by a programmer: there is no trailer and no trial.
    assert_eq!(confirm(none, &[0xFF], 0xFF), (Ok(()), 0, 0xFF));
    assert_eq!(confirm(none, &[0x01], 0x01), (Ok(()), 0, 0x01));
    assert_eq!(confirm(&MAGIC, &[0xFF], 0x01), (Ok(()), 1, 0x01));
    // A padded factory image has no copy_done; current MCUboot confirms it.
    assert_eq!(confirm(&MAGIC, &[0xFF], 0xFF), (Ok(()), 1, 0x01));
    assert_eq!(confirm(&MAGIC, &[0xFF], 0x33), (Ok(()), 1, 0x01));
    // As written by MCUboot and by InfiniTime.
    assert_eq!(confirm(&MAGIC, &[1, 0xFF, 0xFF, 0xFF], 1), (Ok(()), 0, 1));
    assert_eq!(confirm(&MAGIC, &[1, 0, 0, 0], 1), (Ok(()), 0, 1));
    for len in 1..16 {
        let found = confirm(&MAGIC[..len], &[0xFF], 0x01);
        assert_eq!(found, (Err(Error::BADVECT), 0, 0xFF));
    }
    assert_eq!(
        confirm(&[0; 16], &[0x01], 0x01),
        (Err(Error::BADVECT), 0, 0x01)
    );
}

// failure case 3
#[test]
fn case_03_half_programmed_confirm_is_finished() {
    for byte in (0..=255u8).filter(|byte| ![0x01, 0xFF].contains(byte)) {
        let (result, writes, after) = confirm(&MAGIC, &[byte], 1);
        assert_eq!(result, Ok(()), "{byte:02x}");
        // Bit 0 is never programmed by a confirm: without it this was something else, which
        // keeps the bootloader from rolling back as it is.
        let wanted = if byte & 1 == 1 { (1, 0x01) } else { (0, byte) };
        assert_eq!((writes, after), wanted, "{byte:02x}");
    }
}

// failure case 3
#[test]
fn case_03_cut_during_confirm_is_confirmed_or_still_reverts() {
    for unit in [1, 4, 8] {
        for cut in [
            Cut::Clean,
            Cut::Torn,
            Cut::Done,
            Cut::Bytes(0),
            Cut::Bytes(1),
        ] {
            let mut board = on_trial(unit);
            let slots = slots(&board);
            board.cut_after(0, cut);
            assert_eq!(slots.confirm(&mut board), Err(Error::FLASH));
            board.power_on();
            let next = slots.swap_type(&mut board);
            let untouched = image_ok(&board) == 0xFF;
            let wanted = if untouched {
                SwapType::Revert
            } else {
                SwapType::None
            };
            assert_eq!(next, wanted, "{cut:?} unit {unit}");
            assert_eq!(slots.confirm(&mut board), Ok(()));
            assert_eq!(image_ok(&board), 1);
            assert_eq!(slots.swap_type(&mut board), SwapType::None);
            assert!(board.violations().is_empty());
        }
    }
    let mut board = on_trial(1);
    board.cut_after(0, Cut::Torn);
    let _ = slots(&board).confirm(&mut board);
    assert_eq!(image_ok(&board), 0x0F, "the model cuts inside a byte");
}

#[test]
fn confirmed_image_stays_for_both_bootloaders() {
    for bootloader in BOTH {
        let mut board = on_trial(1);
        let slots = Slots::new(&board, &PINETIME, 8, bootloader).unwrap();
        assert_eq!(slots.swap_type(&mut board), SwapType::Revert);
        assert_eq!(slots.confirm(&mut board), Ok(()));
        assert_eq!(slots.swap_type(&mut board), SwapType::None);
        // After that the old image can be scheduled again.
        assert_eq!(slots.set_pending(&mut board, false), Ok(()));
        assert_eq!(slots.swap_type(&mut board), SwapType::Test);
    }
}

// failure case 7
#[test]
fn case_07_confirm_that_does_not_stick_is_an_error() {
    for bit in 0..8 {
        for (zeros, ones) in [(1 << bit, 0), (0, 1u8 << bit)] {
            let mut board = on_trial(1);
            board.chips[0].stick(0x7BFE8, zeros, ones);
            let slots = slots(&board);
            let result = slots.confirm(&mut board);
            let harmless = 0x01 & zeros == 0 && 0xFE & ones == 0;
            if harmless {
                assert_eq!(result, Ok(()));
            } else if zeros & 1 == 1 {
                // Reads as damaged before the write already: no rollback, nothing to finish.
                assert_eq!(result, Ok(()));
                assert_eq!(slots.swap_type(&mut board), SwapType::None);
                assert_eq!(board.operations(), 0);
            } else {
                assert_eq!(
                    result,
                    Err(Error::FLASH),
                    "zeros {zeros:02x} ones {ones:02x}"
                );
            }
        }
    }
    let mut board = on_trial(1);
    board.chips[0].inject(Fault::LostWrite(0));
    let slots = slots(&board);
    assert_eq!(slots.confirm(&mut board), Err(Error::FLASH));
    assert_eq!(slots.swap_type(&mut board), SwapType::Revert);
    assert_eq!(slots.confirm(&mut board), Ok(()));
}

// failure case 25
#[test]
fn case_25_every_failing_call_of_confirm_is_passed_up() {
    for n in 0..8 {
        let mut board = on_trial(1);
        let slots = slots(&board);
        board.chips[0].inject(Fault::Read(n));
        let result = slots.confirm(&mut board);
        let wanted = if n < 7 { Err(Error::FLASH) } else { Ok(()) };
        assert_eq!(result, wanted, "read {n}");
        // The read-back is the last one: by then the byte is written.
        assert_eq!(image_ok(&board), if n < 6 { 0xFF } else { 0x01 });
    }
    let mut board = on_trial(1);
    let slots = slots(&board);
    board.chips[0].inject(Fault::Write(0));
    assert_eq!(slots.confirm(&mut board), Err(Error::FLASH));
    assert_eq!(slots.swap_type(&mut board), SwapType::Revert);
}
