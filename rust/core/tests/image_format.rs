//! Header, TLVs and hash, against bytes that imgtool made and against damaged ones.

use smpkit_core::flash::layout::{find, ID_PRIMARY, ID_SECONDARY, PINETIME};
use smpkit_core::flash::Area;
use smpkit_core::image::{
    hash_range, inspect, vectors_fit, Digest, Header, Info, Trailer, Version,
};
use smpkit_core::Error;
use smpkit_sim::image::{build, build_sized, tlv_area, Options, SHA256};
use smpkit_sim::{Board, Fault, Random};

const LIMIT: u32 = 474_704;

fn secondary() -> Area {
    find(&PINETIME, ID_SECONDARY).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|p| (p[0] << 4 | p[1]) as u8).collect()
}

fn version(major: u8, minor: u8, revision: u16, build: u32) -> Version {
    Version {
        major,
        minor,
        revision,
        build,
    }
}

fn board_with(image: &[u8]) -> Board {
    let mut board = Board::pinetime();
    board.load(&secondary(), image);
    board
}

fn look(image: &[u8]) -> Result<Info, Error> {
    inspect(&mut board_with(image), &secondary(), LIMIT)
}

/// `inspect`, then the hash over the slot compared with the TLV.
fn verify(board: &mut Board, area: &Area) -> Result<bool, Error> {
    let info = inspect(board, area, LIMIT)?;
    let mut digest = Digest::new();
    let mut scratch = [0; 256];
    hash_range(board, area, 0, info.hashed, &mut digest, &mut scratch)?;
    Ok(digest.finish() == info.hash)
}

fn plain() -> Vec<u8> {
    build_sized(version(1, 2, 3, 0), 1, 3000)
}

const E1: &str = "3db8f396 00000000 2000 0000 10000000 00000000 01 00 0000 00000000 00000000
    000102030405060708090a0b0c0d0e0f 0769 2800 1000 2000
    8390eb6ddba133968fb0460be83233a212fcb1001eddada359329c6aa890d6e7";
const E2: &str = "3db8f396 00000000 2000 2200 14000000 00000000 01 02 0300 2d000000 00000000
    a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3
    0869 2200 5000 0400 07000000 4000 0c00 01 00 0000 02 00 0100 00000000 a000 0200 1122
    0769 2800 1000 2000 63599aff20f61c6bdc3354ec866c711dedf0fdb45c388dbe2c83f9b37d70b05a";
const E3: &str = "3db8f396 00000000 20000000 10000000 00000000 02000100 00000000 00000000
    000102030405060708090a0b0c0d0e0f 0769 2800 1000 2000
    edcd333bc647320fe387835b3cc8b186737a1e8d8501da52a07cd90d6011a88c";

fn counting(from: u8, len: u8) -> Vec<u8> {
    (from..from + len).collect()
}

#[test]
fn smallest_image_of_imgtool_is_read_and_rebuilt() {
    let bytes = unhex(E1);
    assert_eq!(bytes.len(), 88);
    let info = look(&bytes).unwrap();
    assert_eq!(info.header.img_size, 16);
    assert_eq!(info.header.hdr_size, 32);
    assert_eq!(info.header.version, version(1, 0, 0, 0));
    assert_eq!((info.hashed, info.end), (48, 88));
    assert_eq!(info.hash, bytes[0x38..]);
    assert_eq!(verify(&mut board_with(&bytes), &secondary()), Ok(true));
    let rebuilt = build(version(1, 0, 0, 0), &counting(0, 16), &Options::default());
    assert_eq!(rebuilt, bytes);
}

#[test]
fn protected_tlvs_of_imgtool_are_hashed_and_skipped() {
    let bytes = unhex(E2);
    assert_eq!(bytes.len(), 126);
    let info = look(&bytes).unwrap();
    assert_eq!(info.header.protect_tlv_size, 0x22);
    assert_eq!(info.header.version, version(1, 2, 3, 45));
    assert_eq!((info.hashed, info.end), (0x56, 126));
    assert_eq!(info.hash, bytes[0x5E..]);
    assert_eq!(verify(&mut board_with(&bytes), &secondary()), Ok(true));
    let options = Options {
        protected: vec![
            (0x50, vec![7, 0, 0, 0]),
            (0x40, vec![1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0]),
            (0xA0, vec![0x11, 0x22]),
        ],
        ..Options::default()
    };
    let rebuilt = build(version(1, 2, 3, 45), &counting(0xA0, 20), &options);
    assert_eq!(rebuilt, bytes);
}

#[test]
fn padded_and_confirmed_image_of_imgtool_is_read() {
    let mut bytes = unhex(E3);
    assert_eq!(bytes.len(), 88);
    bytes.resize(2048, 0xFF);
    bytes[0x7E8] = 1;
    bytes[0x7F0..].copy_from_slice(&unhex("77c295f3 60d2ef7f 3552500f 2cb67980"));
    let slot = Area::new(2, 0, 0x8000, 2048);
    let mut board = Board::new(vec![smpkit_sim::Nor::uniform(0x10000, 2048, 1)]);
    board.load(&slot, &bytes);
    let trailer = Trailer { max_align: 8 };
    let info = inspect(&mut board, &slot, 2048 - 51).unwrap();
    assert_eq!(info.header.version, version(2, 0, 1, 0));
    assert_eq!(info.end, 88);
    assert_eq!(verify(&mut board, &slot), Ok(true));
    let state = trailer.read_state(&mut board, &slot).unwrap();
    assert_eq!(
        format!("{:?}", (state.magic, state.image_ok)),
        "(Good, Set)"
    );
    assert_eq!(format!("{:?}", state.copy_done), "Unset");
    assert_eq!(state.swap_type, 1);
    let rebuilt = build(version(2, 0, 1, 0), &counting(0, 16), &Options::default());
    assert_eq!(rebuilt, bytes[..88]);
}

#[test]
fn header_gap_is_hashed() {
    let options = Options {
        header_size: 512,
        ..Options::default()
    };
    let mut bytes = build(version(1, 0, 0, 0), &counting(0, 16), &options);
    assert!(bytes[0x20..0x200].iter().all(|byte| *byte == 0xFF));
    assert_eq!(look(&bytes).unwrap().hashed, 528);
    assert_eq!(verify(&mut board_with(&bytes), &secondary()), Ok(true));
    bytes[0x100] = 0xFE;
    assert_eq!(verify(&mut board_with(&bytes), &secondary()), Ok(false));
}

#[test]
fn header_is_parsed_only_with_magic_and_32_bytes() {
    let bytes = unhex(E1);
    assert!(Header::parse(&bytes).is_some());
    assert!(Header::parse(&bytes[..32]).is_some());
    assert!(Header::parse(&bytes[..31]).is_none());
    assert!(Header::parse(&[]).is_none());
    for at in 0..4 {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        assert!(Header::parse(&wrong).is_none());
    }
}

#[test]
fn header_fields_are_where_mcuboot_has_them() {
    let bytes: Vec<u8> = Header::MAGIC
        .to_le_bytes()
        .into_iter()
        .chain(4..32)
        .collect();
    let header = Header::parse(&bytes).unwrap();
    assert_eq!(header.load_addr, 0x0706_0504);
    assert_eq!(header.hdr_size, 0x0908);
    assert_eq!(header.protect_tlv_size, 0x0B0A);
    assert_eq!(header.img_size, 0x0F0E_0D0C);
    assert_eq!(header.flags, 0x1312_1110);
    assert_eq!(header.version, version(0x14, 0x15, 0x1716, 0x1B1A_1918));
}

// failure case 32
#[test]
fn case_32_flags_of_images_that_cannot_run_are_refused() {
    let header = |flags, load_addr| Header {
        flags,
        load_addr,
        ..Header::default()
    };
    let refused = [
        0x1, 0x4, 0x8, 0xC, 0x10, 0x20, 0x200, 0x400, 0x600, 0x800, 0xE00,
    ];
    for flags in refused {
        assert_eq!(header(flags, 0).runs_from(0x8000), Err(Error::UNSUPPORTED));
        assert_eq!(
            header(flags | 0x100, 0x8000).runs_from(0x8000),
            Err(Error::UNSUPPORTED)
        );
    }
    assert_eq!(header(0, 0).runs_from(0x8000), Ok(()));
    assert_eq!(header(0x100, 0x8000).runs_from(0x8000), Ok(()));
    assert_eq!(
        header(0x100, 0xC000).runs_from(0x8000),
        Err(Error::UNSUPPORTED)
    );
    assert!(header(0x4, 0).is_encrypted() && header(0x8, 0).is_encrypted());
    assert!(!header(!0xC, 0).is_encrypted());
    assert!(!header(0x10, 0).is_bootable() && header(!0x10, 0).is_bootable());
}

#[test]
fn flagged_images_are_still_listed() {
    let cases = [
        (0x10, 0),
        (0x100, 0x8000),
        (0x20, 0x2000_0000),
        (0x4, 0),
        (0x400, 0),
    ];
    for (flags, load_addr) in cases {
        let options = Options {
            flags,
            load_addr,
            ..Options::default()
        };
        let info = look(&build(version(1, 0, 0, 0), &[7; 100], &options)).unwrap();
        assert_eq!(
            (info.header.flags, info.header.load_addr),
            (flags, load_addr)
        );
    }
}

// failure case 33
#[test]
fn case_33_image_linked_for_another_base_is_refused() {
    let slot = find(&PINETIME, ID_PRIMARY).unwrap();
    let header = Header {
        hdr_size: 32,
        ..Header::default()
    };
    let fits = |stack: u32, reset: u32| {
        let mut payload = [0xAA; 16];
        payload[..4].copy_from_slice(&stack.to_le_bytes());
        payload[4..8].copy_from_slice(&reset.to_le_bytes());
        vectors_fit(&payload, &header, &slot, (0x2000_0000, 0x2001_0000))
    };
    assert!(fits(0x2001_0000, 0x80E1));
    assert!(fits(0x2000_0004, 0x8021));
    assert!(fits(0x2001_0000, 0x7_BFFF));
    // Linked for address 0, as without a bootloader.
    assert!(!fits(0x2001_0000, 0x1001));
    assert!(!fits(0x2001_0000, 0x801F));
    assert!(!fits(0x2001_0000, 0x7_C001));
    assert!(!fits(0x2001_0000, 0x80E0));
    assert!(!fits(0x2000_0000, 0x80E1));
    assert!(!fits(0x2001_0004, 0x80E1));
    assert!(!fits(0xFFFF_FFFF, 0xFFFF_FFFF));
    assert!(!vectors_fit(&[0; 7], &header, &slot, (0, u32::MAX)));
    let payload = smpkit_sim::payload(5, 64);
    assert!(vectors_fit(
        &payload,
        &header,
        &slot,
        (0x2000_0000, 0x2001_0000)
    ));
}

// failure case 19
#[test]
fn case_19_hash_that_looks_like_tlvs_is_listed() {
    let mut payload = counting(0, 12);
    payload.extend(86329u32.to_le_bytes());
    let bytes = build(version(1, 0, 0, 0), &payload, &Options::default());
    let expected = unhex("fb701c00f262ea05c59afb1abb4bfa9aaf8a85e6d6dcca4f2742f5332fd08dc6");
    assert_eq!(bytes[0x38..], expected);
    // Behind the image there may be anything.
    for behind in [0xFF, 0x00] {
        let mut board = board_with(&bytes);
        board.bytes_mut(&secondary())[bytes.len()..].fill(behind);
        let info = inspect(&mut board, &secondary(), LIMIT).unwrap();
        assert_eq!(info.hash, expected[..]);
        assert_eq!(info.end, 88);
    }
}

#[test]
fn random_images_are_all_listed_and_verified() {
    let seed = 20_260;
    let mut random = Random::new(seed);
    for round in 0..400 {
        let options = Options {
            header_size: *random.pick(&[32, 32, 64, 512]),
            protected: (0..random.below(4)).map(|_| (0xA0, vec![1; 3])).collect(),
            unprotected: (0..random.below(4))
                .map(|n| (0x20 + n as u16, vec![2; 71]))
                .collect(),
            ..Options::default()
        };
        let mut payload = vec![0; random.below(2000) as usize];
        random.fill(&mut payload);
        let bytes = build(version(1, 0, 0, 0), &payload, &options);
        let mut board = board_with(&bytes);
        let info = inspect(&mut board, &secondary(), LIMIT);
        assert_eq!(
            info.map(|i| i.end),
            Ok(bytes.len() as u32),
            "seed {seed} round {round}"
        );
        assert_eq!(
            verify(&mut board, &secondary()),
            Ok(true),
            "seed {seed} round {round}"
        );
    }
}

#[test]
fn any_bytes_are_inspected_without_harm() {
    let seed = 77;
    let mut random = Random::new(seed);
    let good = plain();
    for _ in 0..5000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(4) {
            // The interesting bytes are the header's and the TLVs'.
            let at = match random.below(2) {
                0 => random.below(32) as usize,
                _ => bytes.len() - 1 - random.below(60) as usize,
            };
            bytes[at] = random.next_u32() as u8;
        }
        let mut board = board_with(&bytes);
        let result = inspect(&mut board, &secondary(), LIMIT);
        let known = match &result {
            Ok(info) => info.end <= LIMIT && info.hashed < info.end,
            Err(error) => [Error::NOENT, Error::BADIMAGE].contains(error),
        };
        assert!(known, "seed {seed}: {result:?}");
        assert!(board.violations().is_empty(), "seed {seed}");
    }
}

/// Change a good image; it must then be refused.
fn refused(what: &str, error: Error, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = plain();
    let tlvs = bytes.len() - 40;
    assert_eq!(bytes[tlvs..tlvs + 2], [0x07, 0x69]);
    change(&mut bytes);
    assert_eq!(look(&bytes).map(|info| info.end), Err(error), "{what}");
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

// failure case 12
#[test]
fn case_12_sizes_that_wrap_or_leave_the_slot_are_refused() {
    let bad = Error::BADIMAGE;
    for size in [
        u32::MAX,
        u32::MAX - 31,
        u32::MAX - 32,
        0x8000_0000,
        LIMIT,
        LIMIT - 32 - 3,
    ] {
        refused("img_size", bad, |b| put32(b, 12, size));
    }
    refused("hdr_size and img_size", bad, |b| {
        put16(b, 8, 0xFFFF);
        put32(b, 12, 0xFFFF_0001);
    });
    refused("protected size makes it wrap", bad, |b| {
        put16(b, 10, 0x100);
        put32(b, 12, u32::MAX - 0x40);
    });
    for size in [0, 1, 31] {
        refused("header below 32", bad, |b| put16(b, 8, size));
    }
    refused("header larger than the slot", bad, |b| put16(b, 8, 0xFFFF));
}

// failure case 12
#[test]
fn case_12_tlv_areas_must_be_present_and_bounded() {
    let bad = Error::BADIMAGE;
    let tlvs = plain().len() - 40;
    refused("no info header", bad, |b| put16(b, tlvs, 0xFFFF));
    refused("protected where none is declared", bad, |b| {
        put16(b, tlvs, 0x6908)
    });
    for total in [0, 1, 3, 4, 5, 7, 39, 41, 42, 43, 0xFFFF] {
        refused("total", bad, |b| put16(b, tlvs + 2, total));
    }
    for len in [0, 31, 33, 36, 0xFFFF] {
        refused("hash length", bad, |b| put16(b, tlvs + 6, len));
    }
    refused("no hash", bad, |b| put16(b, tlvs + 4, 0x11));
    refused("a type that only begins like the hash", bad, |b| {
        put16(b, tlvs + 4, 0x110)
    });
    refused("protected declared, absent", bad, |b| put16(b, 10, 40));
}

fn with_tlvs(protected: &[(u16, Vec<u8>)], declared: i32, tlvs: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = plain();
    bytes.truncate(bytes.len() - 40);
    if !protected.is_empty() {
        let area = tlv_area(0x6908, protected);
        put16(&mut bytes, 10, (area.len() as i32 + declared) as u16);
        bytes.extend(area);
    }
    bytes.extend(tlv_area(0x6907, tlvs));
    bytes
}

// failure case 12
#[test]
fn case_12_there_must_be_exactly_one_hash() {
    let hash = || (SHA256, vec![9; 32]);
    let other = || (0x50, vec![1, 2, 3, 4]);
    let accepted = |bytes: &[u8]| look(bytes).is_ok();
    assert!(accepted(&with_tlvs(&[], 0, &[hash()])));
    assert!(accepted(&with_tlvs(&[], 0, &[other(), hash(), other()])));
    assert!(accepted(&with_tlvs(&[other()], 0, &[hash()])));
    let bad = [
        with_tlvs(&[], 0, &[]),
        with_tlvs(&[], 0, &[other()]),
        with_tlvs(&[], 0, &[hash(), hash()]),
        with_tlvs(&[], 0, &[hash(), (SHA256, vec![9; 31])]),
        with_tlvs(&[], 0, &[(SHA256, vec![9; 48])]),
        with_tlvs(&[hash()], 0, &[hash()]),
        with_tlvs(&[hash()], 0, &[other()]),
        // The declared size of the protected area must be its size.
        with_tlvs(&[other()], 1, &[hash()]),
        with_tlvs(&[other()], -1, &[hash()]),
        with_tlvs(&[other()], -8, &[hash()]),
        with_tlvs(&[other()], 44, &[hash()]),
    ];
    for (index, bytes) in bad.iter().enumerate() {
        let result = look(bytes).map(|info| info.end);
        assert_eq!(result, Err(Error::BADIMAGE), "image {index}");
    }
}

#[test]
fn number_of_tlvs_is_bounded() {
    let many = |count| {
        let mut tlvs = vec![(0xA0, Vec::new()); count];
        tlvs.push((SHA256, vec![9; 32]));
        with_tlvs(&[], 0, &tlvs)
    };
    assert!(look(&many(63)).is_ok());
    assert_eq!(look(&many(64)).map(|i| i.end), Err(Error::BADIMAGE));
    let mut board = board_with(&many(16_000));
    assert_eq!(
        inspect(&mut board, &secondary(), LIMIT),
        Err(Error::BADIMAGE)
    );
    assert!(board.chips[1].counters().reads < 100);
}

#[test]
fn image_must_end_before_the_trailer() {
    for (size, fits) in [
        (474_703, true),
        (474_704, true),
        (474_705, false),
        (475_136, false),
    ] {
        let bytes = build_sized(version(1, 0, 0, 0), 3, size);
        assert_eq!(bytes.len(), size);
        assert_eq!(look(&bytes).is_ok(), fits, "{size}");
    }
    // A limit outside the slot does not widen it.
    let bytes = build_sized(version(1, 0, 0, 0), 3, 475_136);
    let mut board = board_with(&bytes);
    assert!(inspect(&mut board, &secondary(), u32::MAX).is_ok());
    put32(board.bytes_mut(&secondary()), 12, 475_136 - 32);
    assert_eq!(
        inspect(&mut board, &secondary(), u32::MAX),
        Err(Error::BADIMAGE)
    );
}

#[test]
fn empty_slot_and_foreign_content_hold_no_image() {
    assert_eq!(look(&[]), Err(Error::NOENT));
    assert_eq!(look(&[0; 4096]), Err(Error::NOENT));
    refused("first header version", Error::NOENT, |b| b[0] = 0x3C);
}

// failure case 18
#[test]
fn case_18_wrong_bytes_fail_the_hash() {
    let good = plain();
    assert_eq!(verify(&mut board_with(&good), &secondary()), Ok(true));
    let seed = 18;
    let mut random = Random::new(seed);
    for _ in 0..200 {
        let at = 32 + random.below(good.len() as u32 - 72) as usize;
        let mut bytes = good.clone();
        bytes[at] ^= 1 << random.below(8);
        assert_eq!(
            verify(&mut board_with(&bytes), &secondary()),
            Ok(false),
            "seed {seed} at {at}"
        );
    }
    for at in good.len() - 32..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x80;
        assert_eq!(verify(&mut board_with(&bytes), &secondary()), Ok(false));
    }
    let mut bytes = good.clone();
    bytes[0] = 0x3C;
    assert_eq!(
        verify(&mut board_with(&bytes), &secondary()),
        Err(Error::NOENT)
    );
    let (one, two) = (good, build_sized(version(2, 0, 0, 0), 9, 3000));
    let mixed: Vec<u8> = one[..1500].iter().chain(&two[1500..]).copied().collect();
    assert_eq!(verify(&mut board_with(&mixed), &secondary()), Ok(false));
}

// failure case 25
#[test]
fn case_25_read_errors_are_passed_through_at_every_read() {
    let mut failures = 0;
    for n in 0.. {
        let mut board = board_with(&with_tlvs(&[(0xA0, vec![1])], 0, &[(SHA256, vec![9; 32])]));
        board.chips[1].inject(Fault::Read(n));
        match inspect(&mut board, &secondary(), LIMIT) {
            Err(error) => assert_eq!(error, Error::FLASH),
            Ok(_) => break,
        }
        failures += 1;
    }
    // Header, two areas with one TLV each, hash.
    assert_eq!(failures, 6);
}

// failure case 25
#[test]
fn case_25_garbage_with_success_does_not_verify() {
    for n in 0.. {
        let mut board = board_with(&plain());
        board.chips[1].inject(Fault::Garble(n));
        match verify(&mut board, &secondary()) {
            Err(error) => assert!([Error::NOENT, Error::BADIMAGE].contains(&error)),
            Ok(false) => {}
            Ok(true) => {
                assert!(n >= 10, "the fault at read {n} went unnoticed");
                break;
            }
        }
    }
}
