//! Chips that differ from the usual: erased to zero, with block erases, slow.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::flash::{layout, Area, Device, Geometry};
use smpkit_core::image::SwapType;
use smpkit_sim::{image::build_sized, Board, Cut, Nor, OpKind, Random};

/// Two chips whose erased bytes read 0.
fn zeros(unit: u32) -> Watch {
    const SIZE: u32 = 128 * 1024;
    const AREAS: [Area; 2] = [
        Area::new(layout::ID_PRIMARY, 0, 0, SIZE),
        Area::new(layout::ID_SECONDARY, 1, 0, SIZE),
    ];
    let geometry = Geometry {
        erased: 0,
        write_unit: unit,
        ..Nor::uniform(SIZE, 4096, 1).geometry()
    };
    let mut board = Board::new(vec![Nor::new(geometry), Nor::new(geometry)]);
    board.load(&AREAS[0], &build_sized(version(1, 0, 0, 0), 1, 20_000));
    let setup = Setup {
        areas: &AREAS,
        max_align: unit.max(8) as u8,
        ..Setup::default()
    };
    Watch::with(board, setup)
}

#[test]
fn chip_that_erases_to_zero_takes_uploads_and_resumes_them() {
    for unit in [1, 4, 16] {
        let mut watch = zeros(unit);
        let old = build_sized(version(1, 9, 0, 0), 5, 70_000);
        let image = build_sized(version(2, 0, 0, 0), 6, 50_001);
        assert_eq!(upload_all(&mut watch, &old, 2000), done(70_000));
        let mut at = 0;
        while at < 30_000 {
            let fields = match at {
                0 => first_fields(&image, 200),
                at => chunk_fields(&image, at, 2000),
            };
            at = ask(&mut watch, &upload(&fields)).off.unwrap() as usize;
        }
        let mut watch = watch.reboot();
        let told = ask(&mut watch, &upload(&first_fields(&image, 200)))
            .off
            .unwrap() as usize;
        assert!(
            told > at - 2 * 4096 && told <= at,
            "unit {unit}: {at} kept, {told} told"
        );
        let mut last = off(told as u32);
        while let Some(at) = last.off.filter(|at| *at < 50_001) {
            last = ask(
                &mut watch,
                &upload(&chunk_fields(&image, at as usize, 2000)),
            );
        }
        assert_eq!(last, done(50_001), "unit {unit}");
        assert!(watch.secondary().starts_with(&image));
        let rest = &watch.secondary()[50_001..53_248];
        assert!(rest.iter().all(|byte| *byte == 0), "unit {unit}: residue");
        state_write(&mut watch, Some(&image_hash(&image)), true);
        assert_eq!(next(&mut watch), SwapType::Perm, "unit {unit}");
        assert_rules_kept(&watch);
    }
}

/// A full slot on a chip where block erases are fast enough to be waited for.
fn with_blocks(step_ms: u32) -> Watch {
    let mut board = loaded(&build_sized(version(1, 1, 0, 0), 5, 470_000))
        .world
        .board;
    board.chips[1].clear();
    let setup = Setup {
        step_ms,
        ..Setup::default()
    };
    Watch::with(board, setup)
}

#[test]
fn larger_erases_are_used_when_they_are_fast_enough_and_stay_in_the_slot() {
    for (step_ms, largest) in [(400, 4096), (800, 32_768), (1000, 65_536)] {
        let mut watch = with_blocks(step_ms);
        let outside = |watch: &Watch| {
            let memory = watch.world.board.chips[1].memory();
            [&memory[..0x4_0000], &memory[0xB_4000..]].concat()
        };
        watch.world.board.chips[1].memory_mut()[..0x4_0000].fill(0x77);
        watch.world.board.chips[1].memory_mut()[0xB_4000..].fill(0x77);
        let before = outside(&watch);
        let image = build_sized(version(2, 0, 0, 0), 6, LIMIT as usize);
        assert_eq!(upload_all(&mut watch, &image, 4000), done(LIMIT));
        assert_slot_holds(&watch, &image);
        assert!(
            outside(&watch) == before,
            "{step_ms} ms: written outside the slot"
        );
        let log = watch.world.board.chips[1].log().to_vec();
        let erases = log.iter().filter(|op| op.kind == OpKind::Erase);
        assert_eq!(erases.map(|op| op.len).max(), Some(largest), "{step_ms} ms");
        assert_eq!(watch.worst_operations, 1);
        watch.request(&packet(WRITE2, 1, 5, &[0xA0]));
        watch.settle();
        assert!(watch.secondary().iter().all(|byte| *byte == 0xFF));
        assert!(
            outside(&watch) == before,
            "{step_ms} ms: erased outside the slot"
        );
        assert_rules_kept(&watch);
    }
}

#[test]
fn blank_slot_is_not_erased_again() {
    for step_ms in [400, 1000] {
        let mut board = Board::pinetime();
        board.load(&PRIMARY, &running_image());
        let setup = Setup {
            step_ms,
            ..Setup::default()
        };
        let mut watch = Watch::with(board, setup);
        let image = build_sized(version(2, 0, 0, 0), 6, 200_000);
        assert_eq!(upload_all(&mut watch, &image, 4000), done(200_000));
        assert_eq!(watch.world.board.chips[1].counters().erases, 0);
    }
}

#[test]
fn cuts_with_block_erases_end_verified() {
    let image = build_sized(version(2, 0, 0, 0), 6, 150_000);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut watch = with_blocks(1000);
        for _ in 0..3 {
            let how = *random.pick(&[Cut::Clean, Cut::Torn, Cut::Done, Cut::Bytes(5000)]);
            watch.world.board.cut_after(random.below(300), how);
            let mut at = 0;
            while watch.world.board.is_on() && at < image.len() {
                let fields = match at {
                    0 => first_fields(&image, 256),
                    at => chunk_fields(&image, at, 4000),
                };
                let reply = answer(&watch.request(&upload(&fields)).unwrap());
                at = reply.off.unwrap_or(0) as usize;
                watch.settle();
            }
            watch = watch.reboot();
            assert_eq!(next(&mut watch), SwapType::None, "seed {seed}");
        }
        let mut last = ask(&mut watch, &upload(&first_fields(&image, 256)));
        while let Some(at) = last.off.filter(|at| *at < 150_000) {
            last = ask(
                &mut watch,
                &upload(&chunk_fields(&image, at as usize, 4000)),
            );
        }
        assert_eq!(last, done(150_000), "seed {seed}");
        assert_slot_holds(&watch, &image);
    }
}

#[test]
fn chunks_of_one_size_are_kept_whole_wherever_they_begin() {
    for sector in [4096, 65_536] {
        for n in [1, 100, 244, 1000, 2048, 4000, 4096] {
            for first in [32, 100, 255, 256] {
                let mut watch = shaped(sector, 1);
                let slots = watch.slots;
                watch.world.board.bytes_mut(&slots.secondary).fill(0x42);
                let image = build_sized(version(2, 0, 0, 0), 6, 40_000.min(50 * n + 500));
                let len = image.len();
                let mut at = ask(&mut watch, &upload(&first_fields(&image, first)))
                    .off
                    .unwrap();
                let mut count = 0;
                while (at as usize) < len {
                    let wanted = (at as usize + n).min(len) as u32;
                    let next = upload(&chunk_fields(&image, at as usize, n));
                    at = ask(&mut watch, &next).off.unwrap();
                    // Only the second request can be larger than the device could know.
                    assert!(
                        at == wanted || count == 0,
                        "{sector}, {n}: {at} of {wanted}"
                    );
                    count += 1;
                }
                assert_slot_holds(&watch, &image);
            }
        }
    }
}
