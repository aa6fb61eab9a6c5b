//! Scheduling an image on flash that fails, and with power that comes and goes.

mod image_support;

use image_support::*;
use smpkit_core::image::SwapType;
use smpkit_core::Error;
use smpkit_sim::{Board, Fault, Random};

// failure case 7
#[test]
fn case_07_stuck_bits_in_the_trailer_are_noticed() {
    let offsets = (1..=16).chain([24, 32, 40]);
    let mut refused = 0;
    for offset in offsets {
        for bit in 0..8 {
            for (zeros, ones) in [(1 << bit, 0), (0, 1 << bit)] {
                for permanent in [false, true] {
                    let (mut board, slots) = staged(Board::pinetime(), SMALL);
                    board.chips[1].stick(0xB4000 - offset, zeros, ones);
                    let result = slots.set_pending(&mut board, permanent);
                    let why = format!("-{offset} bit {bit} permanent {permanent}");
                    let next = slots.swap_type(&mut board);
                    match result {
                        Ok(()) => assert_eq!(next, asked(permanent), "{why}"),
                        Err(error) => {
                            refused += 1;
                            assert_eq!(error, Error::FLASH, "{why}");
                            assert_eq!(next, SwapType::None, "{why}");
                        }
                    }
                    assert!(board.chips[1].counters().erases <= 1, "{why}");
                    let wanted = expected(SMALL, permanent, [24, 40, 16], &MAGIC);
                    let want = wanted[wanted.len() - offset as usize];
                    let harmless = want & zeros == 0 && !want & ones == 0;
                    assert_eq!(result.is_ok(), harmless, "{why}");
                }
            }
        }
    }
    // Half of all stuck bits have the wrong level.
    assert_eq!(refused, 19 * 8 * 2);
}

// failure case 7
#[test]
fn case_07_lost_writes_and_erases_are_noticed() {
    for n in 0..3 {
        let (mut board, slots) = staged(Board::pinetime(), SMALL);
        board.chips[1].inject(Fault::LostWrite(n));
        assert_eq!(slots.set_pending(&mut board, true), Err(Error::FLASH));
        assert_eq!(slots.swap_type(&mut board), SwapType::None);
    }
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    put(&mut board, 16, &[0; 16]);
    board.chips[1].inject(Fault::LostErase(0));
    assert_eq!(slots.set_pending(&mut board, true), Err(Error::FLASH));
    assert_eq!(board.chips[1].counters().writes, 0);
}

// failure case 25
#[test]
fn case_25_every_failing_call_is_passed_up_and_leaves_no_partial_trailer() {
    type Plan = fn(u32) -> Fault;
    let plans: [Plan; 4] = [Fault::Read, Fault::Write, Fault::Erase, Fault::Garble];
    for (kind, plan) in plans.into_iter().enumerate() {
        for damaged in [false, true] {
            for permanent in [false, true] {
                for n in 0.. {
                    let (mut board, slots) = staged(Board::pinetime(), SMALL);
                    if damaged {
                        put(&mut board, 16, &[0; 16]);
                    }
                    board.chips[1].inject(plan(n));
                    let result = slots.set_pending(&mut board, permanent);
                    board.chips[1].heal();
                    let cells = board.bytes(&secondary());
                    let complete = cells[cells.len() - 16..] == MAGIC;
                    let next = slots.swap_type(&mut board);
                    let why = format!("kind {kind} call {n} damaged {damaged} {permanent}");
                    let wanted = if complete {
                        asked(permanent)
                    } else {
                        SwapType::None
                    };
                    assert_eq!(next, wanted, "{why}");
                    assert!(complete || result.is_err(), "{why}");
                    if kind < 3 && result.is_err() {
                        assert_eq!(result, Err(Error::FLASH), "{why}");
                    }
                    if n > 60 {
                        assert_eq!(result, Ok(()), "{why}");
                        break;
                    }
                    // Garbage can make a cell look erased; only the read-back tells.
                    board.chips[1].clear();
                    let retry = slots.set_pending(&mut board, permanent);
                    assert_eq!(retry, Ok(()), "{why}");
                    assert_scheduled(&mut board, &slots, SMALL, permanent, &why);
                }
            }
        }
    }
}

// failure case 1
#[test]
fn case_01_random_cuts_and_changes_of_mind() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let size = *random.pick(&[SMALL, 0x73000]);
        let (mut board, slots) = staged(Board::pinetime(), size);
        for _ in 0..random.below(6) {
            board.cut_after(random.below(4), *random.pick(&all_cuts()));
            let permanent = random.one_in(2);
            let before = slots.swap_type(&mut board);
            let _ = slots.set_pending(&mut board, permanent);
            board.power_on();
            let next = slots.swap_type(&mut board);
            let allowed = [SwapType::None, asked(permanent), before];
            assert!(allowed.contains(&next), "seed {seed}");
        }
        let permanent = random.one_in(2);
        let why = format!("seed {seed}");
        assert_eq!(slots.set_pending(&mut board, permanent), Ok(()), "{why}");
        assert_scheduled(&mut board, &slots, size, permanent, &why);
    }
}

// failure case 40
#[test]
fn case_40_repair_erases_the_trailer_sector_once() {
    let (mut board, slots) = staged(Board::pinetime(), SMALL);
    for round in 1..=5 {
        put(&mut board, 16, &[0; 16]);
        assert_eq!(slots.set_pending(&mut board, round % 2 == 0), Ok(()));
        let wear = board.chips[1].wear();
        assert_eq!(wear[0xB3], round);
        assert_eq!(wear.iter().sum::<u32>(), round);
    }
}
