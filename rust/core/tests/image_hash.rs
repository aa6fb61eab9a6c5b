//! Hashing and blank checks over ranges of a slot.

use smpkit_core::flash::layout::{find, ID_SECONDARY, PINETIME};
use smpkit_core::flash::Area;
use smpkit_core::image::{hash_range, inspect, is_blank, Digest, Header, Version};
use smpkit_core::Error;
use smpkit_sim::image::{build, build_sized, Options};
use smpkit_sim::{Board, Fault};

const LIMIT: u32 = 474_704;

fn secondary() -> Area {
    find(&PINETIME, ID_SECONDARY).unwrap()
}

fn board_with(image: &[u8]) -> Board {
    let mut board = Board::pinetime();
    board.load(&secondary(), image);
    board
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|p| (p[0] << 4 | p[1]) as u8).collect()
}

#[test]
fn digest_is_sha256_in_any_pieces() {
    let empty = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Digest::new().finish(), empty[..]);
    let abc = unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let mut digest = Digest::new();
    digest.update(b"a");
    digest.update(b"");
    assert_ne!(digest.peek(), abc[..]);
    digest.update(b"bc");
    assert_eq!(digest.peek(), abc[..]);
    assert_eq!(digest.peek(), abc[..], "peek changes nothing");
    assert_eq!(digest.finish(), abc[..]);
    let million = unhex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    let mut digest = Digest::new();
    for _ in 0..1_000_000 / 125 {
        digest.update(&[b'a'; 125]);
    }
    assert_eq!(digest.finish(), million[..]);
}

#[test]
fn split_app_hash_begins_with_the_loader_hash() {
    let image = build_sized(Version::default(), 1, 3000);
    let loader = inspect(&mut board_with(&image), &secondary(), LIMIT)
        .unwrap()
        .hash;
    let options = Options {
        flags: Header::NON_BOOTABLE,
        seed: Some(loader),
        ..Options::default()
    };
    let app = build(Version::default(), &[5; 300], &options);
    let mut board = board_with(&app);
    let info = inspect(&mut board, &secondary(), LIMIT).unwrap();
    assert!(!info.header.is_bootable());
    let mut hash = |mut digest: Digest| {
        let mut scratch = [0; 100];
        hash_range(
            &mut board,
            &secondary(),
            0,
            info.hashed,
            &mut digest,
            &mut scratch,
        )
        .unwrap();
        digest.finish()
    };
    assert_eq!(hash(Digest::with_seed(&loader)), info.hash);
    assert_ne!(hash(Digest::new()), info.hash);
    assert_ne!(hash(Digest::with_seed(&[0; 32])), info.hash);
}

#[test]
fn hash_range_reads_exactly_its_range() {
    let mut board = Board::pinetime();
    let bytes = smpkit_sim::payload(4, 5000);
    board.load(&secondary(), &bytes);
    for (from, to) in [
        (0, 0),
        (0, 1),
        (3, 260),
        (4999, 5000),
        (0, 5000),
        (255, 513),
    ] {
        for size in [1, 7, 256, 8192] {
            let mut digest = Digest::new();
            let mut scratch = vec![0; size];
            hash_range(
                &mut board,
                &secondary(),
                from,
                to,
                &mut digest,
                &mut scratch,
            )
            .unwrap();
            let mut expected = Digest::new();
            expected.update(&bytes[from as usize..to as usize]);
            assert_eq!(digest.finish(), expected.finish());
        }
    }
    let mut hash = |from, to, scratch: &mut [u8]| {
        hash_range(
            &mut board,
            &secondary(),
            from,
            to,
            &mut Digest::new(),
            scratch,
        )
    };
    assert_eq!(hash(2, 1, &mut [0; 8]), Err(Error::INVAL));
    assert_eq!(hash(0, 1, &mut []), Err(Error::NOMEM));
    assert_eq!(hash(0, 475_137, &mut [0; 8]), Err(Error::RANGE));
    assert_eq!(hash(475_136, u32::MAX, &mut [0; 8]), Err(Error::RANGE));
    board.chips[1].set_unreadable(true);
    let result = hash_range(
        &mut board,
        &secondary(),
        0,
        9,
        &mut Digest::new(),
        &mut [0; 8],
    );
    assert_eq!(result, Err(Error::FLASH));
}

#[test]
fn is_blank_sees_every_byte_of_its_range_and_no_other() {
    let mut board = Board::pinetime();
    let area = secondary();
    let blank = |board: &mut Board, offset, len| {
        let mut scratch = [0; 37];
        is_blank(board, &area, offset, len, &mut scratch)
    };
    assert_eq!(blank(&mut board, 0, area.size), Ok(true));
    assert_eq!(blank(&mut board, 0, area.size + 1), Err(Error::RANGE));
    assert_eq!(blank(&mut board, area.size, 0), Ok(true));
    for at in 100..180 {
        board.bytes_mut(&area)[at] = 0xFE;
        assert_eq!(blank(&mut board, 100, 80), Ok(false), "{at}");
        assert_eq!(blank(&mut board, 0, at as u32), Ok(true));
        assert_eq!(blank(&mut board, at as u32 + 1, 100), Ok(true));
        board.bytes_mut(&area)[at] = 0xFF;
    }
    assert_eq!(
        is_blank(&mut board, &area, 0, 1, &mut []),
        Err(Error::NOMEM)
    );
    board.chips[1].inject(Fault::Read(1));
    assert_eq!(blank(&mut board, 0, 100), Err(Error::FLASH));
}
