//! Which images are let in (I6): sizes, header fields, write units. What is refused is refused
//! before the first erase.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::image::Header;
use smpkit_sim::image::{build, build_sized, Options};
use smpkit_sim::{payload, Board, Random};

fn with_len(image: &[u8], len: u64) -> Fields {
    let mut fields = first_fields(image, 100.min(image.len()));
    fields[0].1 = Value::Uint(len);
    fields
}

// failure case 10; I6
#[test]
fn case_10_sizes_that_do_not_fit_are_refused_before_any_erase() {
    let large = build_sized(version(2, 0, 0, 0), 1, LIMIT as usize);
    let sizes: [(u64, Answer); 11] = [
        (474_705, err(1, 30)),
        (474_744, err(1, 30)),
        (475_096, err(1, 30)),
        (475_097, err(1, 30)),
        (475_120, err(1, 30)),
        (475_136, err(1, 30)),
        (475_137, err(1, 30)),
        (u64::from(u32::MAX), err(1, 30)),
        (u64::from(u32::MAX) + 1, err(1, 30)),
        (1 << 40, err(1, 30)),
        (u64::MAX, err(1, 30)),
    ];
    for (len, expected) in sizes {
        let mut watch = pending(&new_image(60_000), false);
        let before = watch.secondary().to_vec();
        let reply = ask(&mut watch, &upload(&with_len(&large, len)));
        assert_eq!(reply, expected, "{len}");
        assert_eq!(
            watch.world.board.operations(),
            0,
            "{len}: flash was changed"
        );
        assert!(watch.secondary() == before);
    }
    for len in [0, 31, 32, 71] {
        let mut watch = pending(&new_image(60_000), false);
        let small = new_image(80);
        let mut fields = first_fields(&small, 32);
        fields[0].1 = Value::Uint(len);
        let reply = ask(&mut watch, &upload(&fields));
        assert!(reply.group_error.is_some(), "{len}: {reply:?}");
        assert_eq!(
            watch.world.board.operations(),
            0,
            "{len}: flash was changed"
        );
    }
}

// failure case 10
#[test]
fn case_10_largest_image_is_taken_whole() {
    let image = build_sized(version(2, 0, 0, 0), 1, LIMIT as usize);
    let mut watch = pending(&new_image(60_000), false);
    assert_eq!(upload_all(&mut watch, &image, 4000), done(LIMIT));
    assert_slot_holds(&watch, &image);
    let reply = state_write(&mut watch, Some(&image_hash(&image)), false);
    assert_eq!(entries(&reply).len(), 2);
    assert_eq!(next(&mut watch), smpkit_core::image::SwapType::Test);
    assert!(
        watch.secondary().starts_with(&image),
        "the trailer is behind the image"
    );
    assert_rules_kept(&watch);
}

// failure case 13
#[test]
fn case_13_every_byte_lands_once_with_any_write_unit_and_chunk_size() {
    for unit in [1, 4, 8, 16, 32] {
        let sizes = [
            1, 2, 3, 5, 7, 8, 9, 31, 33, 100, 255, 256, 257, 500, 512, 4096,
        ];
        for n in sizes {
            let mut watch = with_unit(unit);
            let len = if n < 32 { 900 } else { 9_000 } + unit as usize / 2 + n % 7;
            let image = build_sized(version(2, 0, 0, 0), n as u64, len);
            let mut first = 32 + n % 100;
            if n > 100 {
                first = n.min(256);
            }
            let mut last = ask(&mut watch, &upload(&first_fields(&image, first)));
            while let Some(at) = last.off.filter(|at| (*at as usize) < len) {
                let next = upload(&chunk_fields(&image, at as usize, n));
                last = ask(&mut watch, &next);
                assert!(
                    last.off > Some(at),
                    "unit {unit}, chunks of {n}: no progress"
                );
            }
            assert_eq!(last, done(len as u32), "unit {unit}, chunks of {n}");
            assert_slot_holds(&watch, &image);
            assert_rules_kept(&watch);
            let written = watch.world.board.chips[1].counters().written_bytes as usize;
            let padded = len.next_multiple_of(unit as usize);
            assert_eq!(written, padded, "unit {unit}, chunks of {n}: written twice");
        }
    }
}

// failure case 13: the size of the last chunk goes through every remainder
#[test]
fn case_13_every_length_of_an_image() {
    for unit in [1, 4, 32] {
        for len in 4000..4000 + 300 {
            let mut watch = shaped(512, unit);
            let image = build_sized(version(2, 0, 0, 0), 9, len);
            assert_eq!(upload_all(&mut watch, &image, 1000), done(len as u32));
            assert_slot_holds(&watch, &image);
        }
    }
}

fn refused(image: &[u8], exec_base: Option<u32>, n: usize) -> Answer {
    let mut board = Board::pinetime();
    board.load(&PRIMARY, &running_image());
    let setup = Setup {
        exec_base,
        ..Setup::default()
    };
    let mut watch = Watch::with(board, setup);
    let reply = ask(&mut watch, &upload(&first_fields(image, n)));
    let touched = watch.world.board.operations();
    assert!(
        reply.off.is_some() || touched == 0,
        "refused after an erase"
    );
    reply
}

// failure case 32
#[test]
fn case_32_images_the_bootloader_cannot_start_are_refused() {
    let body = payload(1, 3000);
    let with = |flags, load_addr| Options {
        flags,
        load_addr,
        ..Options::default()
    };
    let cases = [
        (Header::NON_BOOTABLE, 0, false),
        (0x4, 0, false),
        (0x8, 0, false),
        (0x200, 0, false),
        (0x400, 0, false),
        (0x800, 0, false),
        (Header::PIC, 0, false),
        (Header::RAM_LOAD, 0x2000_0000, false),
        (Header::ROM_FIXED, 0x4_2000, false),
        (Header::ROM_FIXED, 0x8000, true),
        (0, 0, true),
    ];
    for (flags, load_addr, ok) in cases {
        let image = build(version(2, 0, 0, 0), &body, &with(flags, load_addr));
        let reply = refused(&image, Some(0x8000), 200);
        let expected = if ok { off(200) } else { err(1, 22) };
        assert_eq!(reply, expected, "flags {flags:#x}, address {load_addr:#x}");
    }
}

// failure case 33
#[test]
fn case_33_image_linked_for_another_address_is_refused() {
    let vectors = |stack: u32, reset: u32| {
        let mut body = payload(1, 3000);
        body[..4].copy_from_slice(&stack.to_le_bytes());
        body[4..8].copy_from_slice(&reset.to_le_bytes());
        build(version(2, 0, 0, 0), &body, &Options::default())
    };
    let ram = 0x2001_0000;
    for (stack, reset, ok) in [
        (ram, 0x80E1, true),
        (ram, 0x8021, true),
        (ram, 0x7BE4F, true),
        (ram, 0x80E0, false),
        (ram, 0x801F, false),
        (ram, 0x7C001, false),
        (ram, 0x4_0001 + 0x4_0000, false),
        (ram, 0, false),
        (ram, u32::MAX, false),
        (0, 0x80E1, false),
        (0x2000_0000, 0x80E1, false),
        (0x3000_0000, 0x80E1, false),
    ] {
        let image = vectors(stack, reset);
        let expected = if ok { off(100) } else { err(1, 29) };
        assert_eq!(
            refused(&image, Some(0x8000), 100),
            expected,
            "{stack:#x} {reset:#x}"
        );
        assert_eq!(
            refused(&image, None, 100),
            off(100),
            "not checked without a base"
        );
    }
}

// failure case 12 at the level of requests
#[test]
fn case_12_headers_that_contradict_the_length_are_refused_at_once() {
    let good = build_sized(version(2, 0, 0, 0), 1, 3000);
    let field = |at: usize, bytes: &[u8]| {
        let mut image = good.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        image
    };
    let cases = [
        (
            "payload longer than the file",
            field(12, &3000u32.to_le_bytes()),
        ),
        ("payload wraps", field(12, &u32::MAX.to_le_bytes())),
        (
            "payload wraps with the header",
            field(12, &(u32::MAX - 31).to_le_bytes()),
        ),
        ("header of 31 bytes", field(8, &31u16.to_le_bytes())),
        ("header of 0 bytes", field(8, &0u16.to_le_bytes())),
        (
            "header longer than the file",
            field(8, &60_000u16.to_le_bytes()),
        ),
        (
            "protected area longer than the file",
            field(10, &60_000u16.to_le_bytes()),
        ),
        (
            "no room for a hash",
            field(12, &(3000u32 - 32 - 39).to_le_bytes()),
        ),
    ];
    for (name, image) in cases {
        let reply = refused(&image, None, 100);
        assert_eq!(reply, err(1, 22), "{name}");
    }
}

// failure case 12: what shows only when everything is there
#[test]
fn case_12_damaged_tlvs_are_refused_at_the_end() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut image = build_sized(version(2, 0, 0, 0), seed, 1000);
        let at = 960 + random.below(8) as usize;
        image[at] ^= 1 << random.below(8);
        let mut watch = shaped(4096, 1);
        let mut last = ask(&mut watch, &upload(&first_fields(&image, 200)));
        while let Some(off) = last.off.filter(|off| *off < 1000) {
            last = ask(
                &mut watch,
                &upload(&chunk_fields(&image, off as usize, 300)),
            );
        }
        assert_eq!(last, err(1, 24), "seed {seed}, byte {at}");
        assert_eq!(entries(&state_read(&mut watch)).len(), 1, "seed {seed}");
    }
}
