use super::layout::img_mgmt_upload_req;
use super::slot::*;
use super::state::*;
use super::*;
use crate::api::SMPKIT_CHECK_VECTORS;
use crate::compat::bench::{trailer_bytes, Bench, MAGIC, PRIMARY, SECONDARY};
use mcumgr::{g, Chunk, Mcumgr};
use smpkit_core::image::{Digest, Version};
use smpkit_sim::{image, Board as Chips, Fault, OpKind, Random};
use std::mem::size_of;

mod mcumgr;
mod scenarios;

type Lib = Mcumgr<512>;

const LIMIT: usize = 474_704;
const UNSET: [u8; 48] = [0xFF; 48];

fn version(major: u8) -> Version {
    Version {
        major,
        ..Version::default()
    }
}

fn sha(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.finish()
}

/// The image's own hash, as a plain image ends with it.
fn own_hash(file: &[u8]) -> [u8; 32] {
    *file.last_chunk().unwrap()
}

fn file(size: usize) -> Vec<u8> {
    image::build_sized(version(2), 2, size)
}

/// A PineTime that runs v1.
fn bench() -> Bench {
    let bench = Bench::pinetime();
    let running = image::build_sized(version(1), 1, 20_000);
    bench.chips.borrow_mut().load(&PRIMARY, &running);
    bench
}

fn set_trailer(bench: &Bench, area: &smpkit_core::flash::Area, trailer: [u8; 48]) {
    let mut chips = bench.chips.borrow_mut();
    *chips.bytes_mut(area).last_chunk_mut().unwrap() = trailer;
}

fn first<'a>(file: &'a [u8], step: usize) -> Chunk<'a> {
    Chunk {
        off: 0,
        size: file.len() as u64,
        data: &file[..step],
        ..Chunk::default()
    }
}

fn secondary(bench: &Bench) -> Vec<u8> {
    bench.chips.borrow().bytes(&SECONDARY).to_vec()
}

#[test]
fn chunk_and_request_size_must_belong_together() {
    for (chunk, size) in [
        (512, 584),
        (512, 568),
        (200, 584),
        (0, 72),
        (70_000, 70_080),
    ] {
        let host = size_of::<usize>() == 8;
        if !(host && chunk == 512 && size == 592) {
            assert_eq!(
                smpkit_img_mgmt_init(chunk, size),
                SMPKIT_ERR_INVAL,
                "{chunk} {size}"
            );
        }
    }
}

// failure case 38
#[test]
fn case_38_every_chunk_size_is_understood() {
    fn run<const C: usize>(lazy: bool) {
        let bench = bench();
        let lib = Mcumgr::<C>::start(lazy);
        let size = size_of::<img_mgmt_upload_req<C>>();
        assert_eq!(layout::request_size(C as u32) as usize, size);
        let file = file(30_001);
        lib.send_until(&file, &[7; 20], C, 3 * C as u32).unwrap();
        // Resumed by its hash: the field behind the data was found.
        let again = Chunk {
            sha: &[7; 20],
            ..first(&file, C)
        };
        assert_eq!(lib.upload(&again), Ok(3 * C as u32));
        let same = image::build_sized(version(1), 3, 9000);
        let upgrade = Chunk {
            upgrade: true,
            ..first(&same, C)
        };
        assert_eq!(lib.upload(&upgrade), Err(MGMT_ERR_EBADSTATE));
        lib.send(&file, &[7; 20], C).unwrap();
        assert!(secondary(&bench).starts_with(&file));
        bench.assert_clean();
    }
    for lazy in [false, true] {
        run::<200>(lazy);
        run::<244>(lazy);
        run::<256>(lazy);
        run::<497>(lazy);
        run::<512>(lazy);
    }
}

// failure case 10
#[test]
fn case_10_sizes_are_checked_before_any_erase() {
    let bench = bench();
    let _lib = Lib::start(false);
    let good = file(LIMIT);
    bench.chips.borrow_mut().chips[1].clear();
    let ask = |size: u64| {
        let chunk = Chunk {
            size,
            ..first(&good, 512)
        };
        Lib::inspect(&chunk).map(|action| (action.size, action.proceed))
    };
    assert_eq!(ask(LIMIT as u64), Ok((LIMIT as u64, true)));
    let huge = [
        474_705, 474_744, 475_096, 475_097, 475_120, 475_136, 475_137,
    ];
    let wide = [
        u32::MAX.into(),
        u64::from(u32::MAX) + 1 + LIMIT as u64,
        u64::MAX - 1,
        u64::MAX,
    ];
    let small = [0, 1, 31, 32, 71, 72, 511, 512, LIMIT as u64 - 1];
    for size in huge.into_iter().chain(wide).chain(small) {
        assert_eq!(ask(size), Err(MGMT_ERR_EINVAL), "{size}");
    }
    // The calls below refuse too, whoever calls them.
    for (off, len) in [
        (0, LIMIT as u32 + 1),
        (LIMIT as u32, 1),
        (u32::MAX, 2),
        (0, u32::MAX),
    ] {
        assert_ne!(img_mgmt_impl_erase_image_data(off, len), 0);
        assert_ne!(img_mgmt_impl_erase_if_needed(off, len), 0);
    }
    assert_eq!(bench.chips.borrow().operations(), 0);
    assert_eq!(img_mgmt_impl_erase_image_data(0, 4096), 0);
    for off in [LIMIT as u32 - 1, u32::MAX] {
        let code = unsafe { img_mgmt_impl_write_image_data(off, good.as_ptr().cast(), 2, false) };
        assert_ne!(code, 0);
    }
    assert_eq!(bench.chips.borrow().operations(), 0);
}

// failure case 12
#[test]
fn case_12_first_chunks_that_lie_are_refused() {
    let _bench = bench();
    let _lib = Lib::start(false);
    let good = file(5000);
    let ask = |chunk: Chunk| Lib::inspect(&chunk).map(|action| action.proceed);
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        ask(first(&file, 100))
    };
    assert_eq!(ask(first(&good, 100)), Ok(true));
    assert_eq!(ask(Chunk::default()), Err(MGMT_ERR_EINVAL), "no offset");
    assert_eq!(
        ask(Chunk {
            data: &good[..31],
            ..first(&good, 40)
        }),
        Err(MGMT_ERR_EINVAL)
    );
    assert_eq!(
        ask(Chunk {
            size: u64::MAX,
            ..first(&good, 40)
        }),
        Err(MGMT_ERR_EINVAL)
    );
    assert_eq!(
        ask(Chunk {
            image: 1,
            ..first(&good, 40)
        }),
        Err(MGMT_ERR_ENOENT)
    );
    assert_eq!(
        ask(Chunk {
            sha: &[0; 33],
            ..first(&good, 40)
        }),
        Err(MGMT_ERR_EINVAL)
    );
    assert_eq!(changed(0, &[0]), Err(MGMT_ERR_EINVAL), "magic");
    assert_eq!(
        changed(8, &31u16.to_le_bytes()),
        Err(MGMT_ERR_EINVAL),
        "header size"
    );
    assert_eq!(
        changed(10, &[0xFF, 0xFF]),
        Err(MGMT_ERR_EINVAL),
        "protected size"
    );
    assert_eq!(changed(12, &[0xFF; 4]), Err(MGMT_ERR_EINVAL), "sum wraps");
    assert_eq!(
        changed(12, &4929u32.to_le_bytes()),
        Err(MGMT_ERR_EINVAL),
        "no room for TLVs"
    );
    assert_eq!(changed(12, &4928u32.to_le_bytes()), Ok(true));
    // failure case 32
    for flags in [0x01u32, 0x04, 0x08, 0x10, 0x20, 0x200, 0x400, 0x800] {
        assert_eq!(
            changed(16, &flags.to_le_bytes()),
            Err(MGMT_ERR_ENOTSUP),
            "{flags:#x}"
        );
    }
    assert_eq!(changed(16, &0x100u32.to_le_bytes()), Err(MGMT_ERR_ENOTSUP));
    let mut fixed = good.clone();
    fixed[4..8].copy_from_slice(&0x8000u32.to_le_bytes());
    fixed[16..20].copy_from_slice(&0x100u32.to_le_bytes());
    assert_eq!(ask(first(&fixed, 100)), Ok(true));
}

// failure case 33
#[test]
fn case_33_vectors_are_checked_if_asked_for() {
    let bench = Bench::with(Chips::pinetime(), |config| {
        config.flags = SMPKIT_CHECK_VECTORS;
        config.exec_base = 0x8000;
    });
    let _lib = Lib::start(false);
    let good = file(5000);
    let ask = |at: usize, word: u32, len: usize| {
        let mut file = good.clone();
        file[at..at + 4].copy_from_slice(&word.to_le_bytes());
        Lib::inspect(&first(&file, len)).map(|action| action.proceed)
    };
    assert_eq!(ask(36, 0x80E1, 100), Ok(true));
    assert_eq!(ask(36, 0xC021, 100), Ok(true));
    for reset in [0x80E0, 0x7FFF, 0x801F, 0x7C001, 0x1000_80E1] {
        assert_eq!(ask(36, reset, 100), Err(MGMT_ERR_EINVAL), "{reset:#x}");
    }
    assert_eq!(ask(32, 0x1000, 100), Err(MGMT_ERR_EINVAL), "stack");
    assert_eq!(ask(36, 0x80E0, 36), Ok(true), "not in this chunk");
    drop(bench);
}

// failure case 12
#[test]
fn case_12_read_never_leaves_the_slot() {
    let bench = bench();
    let _lib = Lib::start(false);
    let read = |slot, off, len: usize| {
        let mut bytes = [0x5A; 64];
        let code = unsafe { img_mgmt_impl_read(slot, off, bytes.as_mut_ptr().cast(), len as u32) };
        assert!(code == 0 || bytes == [0x5A; 64], "written only on success");
        code
    };
    for (slot, off, len) in [
        (0, 0, 64),
        (1, 0x73FC0, 64),
        (1, 0x73FFF, 1),
        (0, 0x74000, 0),
    ] {
        assert_eq!(read(slot, off, len), 0);
    }
    for (slot, off, len) in [
        (0, 0x73FC1, 64),
        (1, 0x74000, 1),
        (1, u32::MAX, 1),
        (1, 0xFFFF_FFF0, 32),
        (2, 0, 4),
        (-1, 0, 4),
    ] {
        assert_ne!(read(slot, off, len), 0, "{slot} {off:#x} {len}");
    }
    // Headers that point anywhere make an image unlistable, and nothing else.
    for at in [8, 10, 12, 13, 15] {
        for value in [0, 1, 0x7F, 0xFF] {
            let mut file = file(5000);
            file[at] = value;
            file[at + 1] = value;
            if file == self::file(5000) {
                continue;
            }
            bench.chips.borrow_mut().load(&SECONDARY, &file);
            let _ = Lib::read_info(1);
            assert_ne!(img_mgmt_impl_write_pending(1, false), 0);
        }
    }
    bench.assert_clean();
}

// failure case 19
#[test]
#[cfg(not(feature = "img-read-exact"))]
fn case_19_hashes_that_look_like_tlvs_are_listed() {
    let bench = bench();
    let _lib = Lib::start(false);
    let mut payload: Vec<u8> = (0..12).collect();
    payload.extend(86329u32.to_le_bytes());
    let v1 = Version {
        major: 1,
        ..Version::default()
    };
    let options = image::Options::default();
    let vector = image::build(v1, &payload, &options);
    assert_eq!(own_hash(&vector)[..4], [0xFB, 0x70, 0x1C, 0x00]);
    let signature = image::Options {
        unprotected: vec![(0x22, vec![0x30; 71])],
        ..options
    };
    let signed = image::build(v1, &payload, &signature);
    for (file, hash) in [(&vector, own_hash(&vector)), (&signed, own_hash(&vector))] {
        for area in [&PRIMARY, &SECONDARY] {
            bench.chips.borrow_mut().load(area, file);
            assert_eq!(Lib::read_info(c_int::from(area.id) - 1), Ok(hash));
        }
    }
    // Everything but that one read is what lies in flash.
    let mut bytes = vec![0; vector.len()];
    for len in [1, 2, 3, 5, 32] {
        for off in 0..vector.len() - len {
            let to = bytes.as_mut_ptr().cast();
            let code = unsafe { img_mgmt_impl_read(0, off as u32, to, len as u32) };
            assert_eq!((code, &bytes[..len]), (0, &signed[off..off + len]));
        }
    }
}

// failure case 13
#[test]
fn case_13_every_chunk_size_lands_on_every_write_unit() {
    for unit in [1, 4, 8] {
        for lazy in [false, true] {
            let bench = Bench::with(Chips::with_write_units(1, unit), |_| {});
            let lib = Lib::start(lazy);
            let file = file(6001);
            for step in (32..=512).step_by(7).chain([64, 256, 512, 33, 511]) {
                lib.send(&file, &[], step).unwrap();
                let slot = secondary(&bench);
                assert!(slot.starts_with(&file), "{unit} {step}");
                let odd = file.len().next_multiple_of(unit as usize);
                assert!(slot[file.len()..odd].iter().all(|byte| *byte == 0xFF));
                assert_eq!(img_mgmt_impl_write_pending(1, false), 0);
                set_trailer(&bench, &SECONDARY, UNSET);
            }
            bench.assert_clean();
        }
    }
    // A chunk below the write unit would never get anywhere.
    let _bench = Bench::with(Chips::with_write_units(1, 8), |_| {});
    let lib = Lib::start(false);
    let file = file(5000);
    assert_eq!(lib.upload(&first(&file, 33)), Ok(32));
    let small = Chunk {
        off: 32,
        data: &file[32..39],
        ..Chunk::default()
    };
    assert_eq!(lib.upload(&small), Err(MGMT_ERR_EINVAL));
    assert_eq!(g().off, 32);
    let none = Chunk {
        off: 32,
        data: &[],
        ..Chunk::default()
    };
    assert_eq!(lib.upload(&none), Err(MGMT_ERR_EINVAL));
}

// failure case 14
#[test]
fn case_14_chunks_are_cut_at_pages() {
    let bench = bench();
    let lib = Lib::start(true);
    let file = file(150_000);
    lib.send(&file, &[], 497).unwrap();
    let chips = bench.chips.borrow();
    let writes = chips.chips[1]
        .log()
        .iter()
        .filter(|op| op.kind == OpKind::Write);
    for op in writes {
        assert_eq!(op.offset / 256, (op.offset + op.len - 1) / 256);
    }
    assert!(chips.bytes(&SECONDARY).starts_with(&file));
    drop(chips);
    bench.assert_clean();
}

// failure case 15
#[test]
fn case_15_writes_that_do_not_take_are_found() {
    let bench = bench();
    let lib = Lib::start(false);
    let file = file(5000);
    lib.upload(&first(&file, 512)).unwrap();
    let next = Chunk {
        off: 512,
        data: &file[512..1024],
        ..Chunk::default()
    };
    // A byte that is not erased, and needs bits set again.
    bench.chips.borrow_mut().bytes_mut(&SECONDARY)[700] = !file[700];
    assert_eq!(lib.upload(&next), Err(MGMT_ERR_EUNKNOWN));
    assert_eq!(g().off, 512);
    bench.chips.borrow_mut().bytes_mut(&SECONDARY)[512..1024].fill(0xFF);
    bench.chips.borrow_mut().chips[1].inject(Fault::LostWrite(1));
    assert_eq!(lib.upload(&next), Err(MGMT_ERR_EUNKNOWN));
    bench.chips.borrow_mut().chips[1].inject(Fault::Garble(0));
    assert_eq!(lib.upload(&next), Err(MGMT_ERR_EUNKNOWN));
    assert_eq!(lib.upload(&next), Ok(1024));
    // failure case 7: an erase that does nothing, in the trailer and in the data.
    set_trailer(&bench, &SECONDARY, trailer_bytes(true, 1, 0xFF, 3));
    for erase in 0..2 {
        bench.chips.borrow_mut().bytes_mut(&SECONDARY)[..4096].fill(0);
        bench.chips.borrow_mut().chips[1].inject(Fault::LostErase(erase));
        assert_eq!(lib.upload(&first(&file, 512)), Err(MGMT_ERR_EUNKNOWN));
    }
}

// failure case 24
#[test]
fn case_24_log_hooks_do_not_hide_a_status() {
    let hash = [0; 32];
    for status in [0, 1, 6, 256] {
        assert_eq!(img_mgmt_impl_log_confirm(status, hash.as_ptr()), status);
        assert_eq!(img_mgmt_impl_log_pending(status, std::ptr::null()), 0);
        assert_eq!(img_mgmt_impl_log_upload_start(status), 0);
        assert_eq!(img_mgmt_impl_log_upload_done(status, hash.as_ptr()), 0);
    }
    let bench = bench();
    let lib = Lib::start(false);
    let mut bad = trailer_bytes(true, 0xFF, 1, 2);
    bad[33] = 0;
    set_trailer(&bench, &PRIMARY, bad);
    assert_eq!(lib.set_state(None, true), MGMT_ERR_EUNKNOWN);
}

// failure case 27
#[test]
fn case_27_swap_type_never_stops() {
    let bench = bench();
    let _lib = Lib::start(false);
    for device in [1, 0] {
        bench.chips.borrow_mut().chips[device].set_unreadable(true);
        for slot in [-1, 0, 1, 2] {
            assert_eq!(img_mgmt_impl_swap_type(slot), 0);
        }
    }
    drop(bench);
    let _bench = Bench::cold(Chips::pinetime());
    assert_eq!(img_mgmt_impl_swap_type(0), 0);
    assert_eq!(img_mgmt_impl_write_pending(1, false), MGMT_ERR_EUNKNOWN);
    assert_eq!(img_mgmt_impl_write_confirmed(), MGMT_ERR_EUNKNOWN);
    assert_eq!(img_mgmt_impl_erase_slot(), MGMT_ERR_EUNKNOWN);
    assert_eq!(
        Lib::inspect(&Chunk::default()).err(),
        Some(MGMT_ERR_EUNKNOWN)
    );
}

#[test]
fn a_request_of_unknown_size_is_refused() {
    let _bench = bench();
    let _lib = Lib::start(false);
    CHUNK.store(0, Ordering::Relaxed);
    let file = file(5000);
    assert_eq!(
        Lib::inspect(&first(&file, 100)).err(),
        Some(MGMT_ERR_EUNKNOWN)
    );
    // A length that the struct cannot hold.
    let _lib = Lib::start(false);
    let mut request = Lib::request(&first(&file, 100));
    request.data_len = 513;
    let mut action = Lib::inspect(&first(&file, 100)).unwrap();
    let from: *const img_mgmt_upload_req<512> = &request;
    let code = unsafe {
        inspect::img_mgmt_impl_upload_inspect(from.cast(), &mut action, std::ptr::null_mut())
    };
    assert_eq!(code, MGMT_ERR_EINVAL);
}
