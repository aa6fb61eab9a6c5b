//! Every recorded request of the OS and image groups gets the recorded reply, byte for byte.

mod server_support;

use server_support::*;
use smpkit_core::flash::{layout, Area};
use smpkit_sim::{image, Board, Nor};

const VECTORS: &str = include_str!("../../../tests/vectors/smp_os_image.txt");

/// Slots of 512 KB, as the recorded device had.
const AREAS: [Area; 2] = [
    Area::new(layout::ID_PRIMARY, 0, 0x8_0000, 0x8_0000),
    Area::new(layout::ID_SECONDARY, 0, 0x10_0000, 0x8_0000),
];

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "{text}");
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Device {
    watch: Watch,
    running: [u8; 32],
    other: [u8; 32],
}

fn device(name: &str) -> Device {
    let old = image::build_sized(version(0, 0, 0, 0), 1, 5000);
    let new = image::build_sized(version(1, 2, 3, 0), 2, 6000);
    let (mut running, mut other) = (image_hash(&old), image_hash(&new));
    let mut board = Board::new(vec![Nor::uniform(0x18_0000, 4096, 1)]);
    board.load(&AREAS[0], &old);
    if name == "loaded" {
        board.load(&AREAS[1], &new);
    }
    if name == "trial" {
        (running, other) = (other, running);
        board.load(&AREAS[0], &new);
        board.load(&AREAS[1], &old);
        let end = AREAS[0].size as usize;
        let primary = board.bytes_mut(&AREAS[0]);
        primary[end - 16..].copy_from_slice(&MAGIC);
        primary[end - 32] = 1;
    }
    let setup = Setup {
        areas: &AREAS,
        frame_size: 384,
        frame_count: 4,
        any_file: name == "single",
        ..Setup::default()
    };
    let mut watch = Watch::with(board, setup);
    watch.world.identity[0] = "Zephyr";
    watch.world.identity[3] = "4.4.99";
    Device {
        watch,
        running,
        other,
    }
}

const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];

#[test]
fn every_recorded_request_gets_the_recorded_reply() {
    let mut at = device("single");
    let mut case = "";
    let mut count = 0;
    let mut reply = None;
    for line in VECTORS.lines() {
        let filled = || {
            line[2..]
                .replace("{running}", &text(&at.running))
                .replace("{other}", &text(&at.other))
        };
        if let Some(name) = line.strip_prefix("== ") {
            at = device(name);
        } else if let Some(name) = line.strip_prefix("case: ") {
            case = name;
        } else if line.starts_with("> ") {
            let request = hex(&filled());
            reply = at.watch.request(&request);
        } else if line.starts_with("< ") {
            let got = reply.take().map(|reply| text(&reply));
            assert_eq!(got.as_deref(), Some(filled().as_str()), "case: {case}");
            count += 1;
        }
    }
    assert_eq!(count, 61, "cases in the file");
}
