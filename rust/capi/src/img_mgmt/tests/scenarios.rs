//! Whole uploads, driven as mcumgr drives them.

use super::*;
use smpkit_sim::Cut;

// failure case 28: the rows that an app writes.
#[test]
fn upload_test_and_confirm_leave_the_bytes_of_mcuboot() {
    for lazy in [false, true] {
        for (permanent, wanted) in [
            (false, trailer_bytes(true, 0xFF, 0xFF, 2)),
            (true, trailer_bytes(true, 1, 0xFF, 3)),
        ] {
            let bench = bench();
            let lib = Lib::start(lazy);
            let file = file(205_072);
            lib.send(&file, &sha(&file), 512).unwrap();
            assert_eq!(bench.trailer(&SECONDARY), UNSET, "nobody asked yet");
            assert_eq!(Lib::flags(1), 0);
            assert_eq!(lib.set_state(Some(&own_hash(&file)), permanent), 0);
            assert_eq!(bench.trailer(&SECONDARY), wanted);
            assert!(secondary(&bench).starts_with(&file));
            assert_eq!(Lib::flags(1), if permanent { 9 } else { 1 });
            assert_eq!(bench.trailer(&PRIMARY), UNSET);
            assert_eq!(bench.chips.borrow().chips[0].counters().writes, 0);
            bench.assert_clean();
        }
    }
}

#[test]
fn the_largest_image_shares_the_trailer_sector() {
    for lazy in [false, true] {
        let bench = bench();
        let lib = Lib::start(lazy);
        let file = file(LIMIT);
        set_trailer(&bench, &SECONDARY, trailer_bytes(true, 1, 0xFF, 3));
        lib.send(&file, &[], 512).unwrap();
        assert_eq!(lib.set_state(Some(&own_hash(&file)), true), 0);
        let slot = secondary(&bench);
        assert!(slot.starts_with(&file));
        assert_eq!(bench.trailer(&SECONDARY), trailer_bytes(true, 1, 0xFF, 3));
        bench.assert_clean();
    }
}

// failure case 8
#[test]
fn case_08_an_old_trailer_goes_before_anything_else() {
    for lazy in [false, true] {
        for old in [
            trailer_bytes(true, 0xFF, 0xFF, 2),
            trailer_bytes(true, 1, 0xFF, 3),
        ] {
            let bench = bench();
            let lib = Lib::start(lazy);
            set_trailer(&bench, &SECONDARY, old);
            bench.chips.borrow_mut().bytes_mut(&SECONDARY)[..9000].fill(0);
            bench.chips.borrow_mut().chips[1].clear();
            let file = file(6000);
            lib.send(&file, &[], 512).unwrap();
            let last = SECONDARY.offset + SECONDARY.size - 4096;
            assert_eq!(bench.chips.borrow().chips[1].log()[0].offset, last);
            assert_eq!(bench.trailer(&SECONDARY), UNSET);
            assert_eq!(img_mgmt_impl_swap_type(1), 0);
            // A second upload leaves the blank sector alone.
            lib.send(&file, &[], 512).unwrap();
            assert_eq!(
                bench.chips.borrow().chips[1].wear()[last as usize / 4096],
                1
            );
            bench.assert_clean();
        }
    }
}

// failure case 8
#[test]
fn case_08_an_erase_command_takes_the_trailer_first() {
    let bench = bench();
    let lib = Lib::start(false);
    bench.chips.borrow_mut().bytes_mut(&SECONDARY).fill(0);
    assert_eq!(lib.erase(), 0);
    let chips = bench.chips.borrow();
    let log = chips.chips[1].log();
    let (slot, last) = (SECONDARY.offset, SECONDARY.offset + SECONDARY.size - 4096);
    assert_eq!((log[0].offset, log[1].offset), (last, slot));
    assert_eq!(log.len(), 116);
    drop(chips);
    // What is blank is left alone.
    assert_eq!(lib.erase(), 0);
    assert_eq!(bench.chips.borrow().chips[1].log().len(), 116);
    bench.assert_clean();
}

// failure case 8, 2
#[test]
fn case_08_a_power_cut_never_leaves_a_schedule() {
    let seed = 8;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    for lazy in [false, true] {
        for cut in 0..90 {
            let bench = bench();
            let lib = Lib::start(lazy);
            let old = file(9000);
            bench.chips.borrow_mut().load(&SECONDARY, &old);
            set_trailer(&bench, &SECONDARY, trailer_bytes(true, 1, 0xFF, 3));
            bench.chips.borrow_mut().bytes_mut(&SECONDARY)[0] = 0;
            let how = *random.pick(&Cut::ALL);
            bench.chips.borrow_mut().cut_after(cut, how);
            let file = image::build_sized(version(3), 3, 9000);
            let done = lib.send(&file, &[], 512);
            bench.chips.borrow_mut().power_on();
            // The old schedule, or none; never one over the new data.
            let started = secondary(&bench)[..512] == file[..512];
            let type_now = img_mgmt_impl_swap_type(1);
            assert!(!started || type_now == 0, "{lazy} {cut} {how:?}");
            let lib = Lib::start(lazy);
            assert_eq!(lib.send(&file, &[], 512), Ok(()));
            assert_eq!(img_mgmt_impl_write_pending(1, false), 0);
            assert!(done.is_err() || cut > 20);
        }
    }
}

// failure case 16
#[test]
fn case_16_resume() {
    let bench = bench();
    for lazy in [false, true] {
        let lib = Lib::start(lazy);
        let (file, other) = (file(20_000), image::build_sized(version(3), 3, 20_000));
        let hash = sha(&file);
        let again = |sha| {
            lib.upload(&Chunk {
                sha,
                ..first(&file, 512)
            })
        };
        // Same hash: from where it was. The chunk itself is not taken.
        lib.send_until(&file, &hash, 512, 9_000).unwrap();
        let at = g().off;
        assert_eq!(again(&hash), Ok(at));
        assert_eq!(again(&hash), Ok(at));
        // Shorter, or none, or another: from the start.
        assert_eq!(again(&hash[..31]), Ok(512));
        assert_eq!(again(&hash[..31]), Ok(512), "now this one is resumed");
        assert_eq!(again(&[]), Ok(512));
        assert_eq!(again(&[]), Ok(512));
        lib.send_until(&file, &hash, 512, 9_000).unwrap();
        assert_eq!(
            lib.upload(&Chunk {
                sha: &sha(&other),
                ..first(&other, 512)
            }),
            Ok(512)
        );
        lib.send(&other, &sha(&other), 512).unwrap();
        assert!(secondary(&bench).starts_with(&other));
        // After completion: a new upload.
        assert_eq!(
            lib.upload(&Chunk {
                sha: &sha(&other),
                ..first(&other, 512)
            }),
            Ok(512)
        );
        // After a restart: mcumgr's state is all zero, which looks like area 0.
        lib.send_until(&file, &hash, 512, 9_000).unwrap();
        let lib = Lib::start(lazy);
        let late = Chunk {
            off: 9216,
            data: &file[9216..9728],
            ..Chunk::default()
        };
        assert_eq!(lib.upload(&late), Ok(0), "told to begin anew");
        lib.send(&file, &hash, 512).unwrap();
        assert!(secondary(&bench).starts_with(&file));
        assert_eq!(img_mgmt_impl_write_pending(1, false), 0);
        bench.chips.borrow_mut().load(&SECONDARY, &[]);
    }
    bench.assert_clean();
}

// failure case 16
#[test]
fn case_16_a_first_chunk_that_failed_is_not_resumed() {
    let bench = bench();
    let lib = Lib::start(false);
    let file = file(20_000);
    bench.chips.borrow_mut().bytes_mut(&SECONDARY)[..5000].fill(0);
    let chunk = Chunk {
        sha: &[9; 32],
        ..first(&file, 512)
    };
    bench.chips.borrow_mut().chips[1].inject(Fault::Erase(0));
    assert_eq!(lib.upload(&chunk), Err(MGMT_ERR_EUNKNOWN));
    assert_eq!(lib.upload(&chunk), Ok(512), "not 0 for ever");
    bench.chips.borrow_mut().chips[1].inject(Fault::Write(0));
    assert_eq!(
        lib.upload(&Chunk {
            sha: &[8; 32],
            ..chunk.clone()
        }),
        Err(MGMT_ERR_EUNKNOWN)
    );
    assert_eq!(
        lib.upload(&Chunk {
            sha: &[8; 32],
            ..chunk
        }),
        Ok(512)
    );
}

// failure case 16
#[test]
fn case_16_duplicates_and_strays_change_nothing() {
    let seed = 16;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    for lazy in [false, true] {
        let bench = bench();
        let lib = Lib::start(lazy);
        let file = file(30_000);
        let mut off = lib.upload(&first(&file, 300)).unwrap();
        while (off as usize) < file.len() {
            let stray = random.below(file.len() as u32 - 1) + 1;
            let at = if random.one_in(3) { off } else { stray };
            let n = (random.below(512) + 1).min(file.len() as u32 - at);
            let data = &file[at as usize..(at + n) as usize];
            let got = lib
                .upload(&Chunk {
                    off: at.into(),
                    data,
                    ..Chunk::default()
                })
                .unwrap();
            assert_eq!(got, if at == off { off + n } else { off });
            off = got;
        }
        assert!(secondary(&bench).starts_with(&file));
        assert_eq!(img_mgmt_impl_write_pending(1, true), 0);
        bench.assert_clean();
    }
}

// failure case 17
#[test]
fn case_17_nothing_is_written_behind_the_end() {
    let bench = bench();
    let lib = Lib::start(false);
    let file = file(5000);
    lib.send_until(&file, &[], 512, 4608).unwrap();
    let long = Chunk {
        off: 4608,
        data: &[0; 393],
        ..Chunk::default()
    };
    assert_eq!(lib.upload(&long), Err(MGMT_ERR_EINVAL));
    lib.upload(&Chunk {
        off: 4608,
        data: &file[4608..],
        ..Chunk::default()
    })
    .unwrap();
    let before = bench.chips.borrow().operations();
    let more = Chunk {
        off: 5000,
        data: &[0; 8],
        ..Chunk::default()
    };
    assert_eq!(lib.upload(&more), Err(MGMT_ERR_EINVAL));
    assert_eq!(
        lib.upload(&Chunk {
            off: 5000,
            ..Chunk::default()
        }),
        Err(MGMT_ERR_EINVAL)
    );
    assert_eq!(bench.chips.borrow().operations(), before);
    let code = unsafe { img_mgmt_impl_write_image_data(5000, [0; 8].as_ptr().cast(), 8, false) };
    assert_eq!(code, MGMT_ERR_EBADSTATE);
}

// failure case 18
#[test]
fn case_18_only_a_checked_image_is_scheduled() {
    let bench = bench();
    let _lib = Lib::start(false);
    let good = file(50_000);
    for at in [0, 13, 40, 25_000, 49_959, 49_963, 49_970, 49_999] {
        let mut file = good.clone();
        file[at] ^= 0x10;
        bench.chips.borrow_mut().load(&SECONDARY, &file);
        for permanent in [false, true] {
            assert_eq!(
                img_mgmt_impl_write_pending(1, permanent),
                MGMT_ERR_EBADSTATE,
                "{at}"
            );
        }
        assert_eq!(bench.trailer(&SECONDARY), UNSET);
    }
    bench.chips.borrow_mut().load(&SECONDARY, &good);
    for slot in [-1, 2, 3] {
        assert_eq!(img_mgmt_impl_write_pending(slot, false), MGMT_ERR_EINVAL);
    }
    bench.chips.borrow_mut().chips[1].inject(Fault::Read(60));
    assert_eq!(img_mgmt_impl_write_pending(1, false), MGMT_ERR_EUNKNOWN);
    bench.chips.borrow_mut().chips[1].inject(Fault::Garble(60));
    assert_eq!(img_mgmt_impl_write_pending(1, false), MGMT_ERR_EBADSTATE);
    assert_eq!(bench.trailer(&SECONDARY), UNSET);
    assert_eq!(img_mgmt_impl_write_pending(1, false), 0);
    // failure case 10
    bench.chips.borrow_mut().load(&SECONDARY, &file(LIMIT + 1));
    assert_eq!(img_mgmt_impl_write_pending(1, false), MGMT_ERR_EBADSTATE);
}

// failure case 21
#[test]
fn case_21_the_hash_of_the_running_image_means_slot_0() {
    let bench = bench();
    let lib = Lib::start(false);
    let running = image::build_sized(version(1), 1, 20_000);
    lib.send(&running, &[], 512).unwrap();
    let hash = own_hash(&running);
    let before = bench.chips.borrow().operations();
    assert_eq!(
        lib.set_state(Some(&hash), false),
        MGMT_ERR_EUNKNOWN,
        "it runs already"
    );
    assert_eq!(
        lib.set_state(Some(&hash), true),
        0,
        "it is confirmed already"
    );
    assert_eq!(bench.chips.borrow().operations(), before);
    // On trial: the same request confirms it.
    set_trailer(&bench, &PRIMARY, trailer_bytes(true, 0xFF, 1, 2));
    assert_eq!(lib.set_state(Some(&hash), true), 0);
    assert_eq!(bench.trailer(&PRIMARY), trailer_bytes(true, 1, 1, 2));
    assert_eq!(bench.trailer(&SECONDARY), UNSET);
    bench.assert_clean();
}

// failure case 22
#[test]
fn case_22_requests_while_the_slot_is_in_use() {
    let new = file(5000);
    let old = image::build_sized(version(3), 3, 20_000);
    let trial = trailer_bytes(true, 0xFF, 1, 2);
    let states = [
        (3, trial, UNSET),
        (1, UNSET, trailer_bytes(true, 0xFF, 0xFF, 2)),
        (2, UNSET, trailer_bytes(true, 1, 0xFF, 3)),
    ];
    for (swap_type, primary, other) in states {
        let bench = bench();
        let lib = Lib::start(false);
        bench.chips.borrow_mut().load(&SECONDARY, &old);
        set_trailer(&bench, &PRIMARY, primary);
        set_trailer(&bench, &SECONDARY, other);
        assert_eq!(img_mgmt_impl_swap_type(0), swap_type);
        let before = secondary(&bench);
        assert_eq!(lib.upload(&first(&new, 512)), Err(MGMT_ERR_ENOMEM));
        assert_eq!(lib.erase(), MGMT_ERR_EBADSTATE);
        let hash = own_hash(&old);
        if swap_type == 3 {
            assert_eq!(lib.set_state(Some(&hash), false), MGMT_ERR_EBADSTATE);
            assert_eq!(img_mgmt_impl_write_pending(1, true), MGMT_ERR_EBADSTATE);
        } else {
            assert_eq!(lib.set_state(None, true), MGMT_ERR_EBADSTATE);
        }
        assert!(secondary(&bench) == before);
        // The way out of a trial: confirm, then upload.
        if swap_type == 3 {
            assert_eq!(lib.set_state(None, true), 0);
            assert_eq!(lib.send(&new, &[], 512), Ok(()));
        }
        bench.assert_clean();
    }
}

// failure case 22
#[test]
fn case_22_a_trial_stays_a_trial_whatever_lies_in_the_other_trailer() {
    let trial = trailer_bytes(true, 0xFF, 1, 2);
    let mut damaged = trailer_bytes(true, 0xFF, 0xFF, 2);
    damaged[47] = 0;
    for other in [damaged, trailer_bytes(true, 0xFF, 0xFF, 2)] {
        let bench = bench();
        let lib = Lib::start(false);
        set_trailer(&bench, &PRIMARY, trial);
        set_trailer(&bench, &SECONDARY, other);
        let before = secondary(&bench);
        assert_eq!(img_mgmt_impl_erase_slot(), MGMT_ERR_EBADSTATE);
        assert_eq!(lib.upload(&first(&file(5000), 512)), Err(MGMT_ERR_ENOMEM));
        assert!(secondary(&bench) == before);
    }
}

// failure case 22
#[test]
fn case_22_a_schedule_without_an_image_locks_nothing() {
    for lazy in [false, true] {
        let bench = bench();
        let lib = Lib::start(lazy);
        set_trailer(&bench, &SECONDARY, trailer_bytes(true, 0xFF, 0xFF, 2));
        assert_eq!(img_mgmt_impl_swap_type(1), 1);
        assert_eq!(lib.send(&file(5000), &[], 512), Ok(()));
        assert_eq!(img_mgmt_impl_swap_type(1), 0);
    }
}

// failure case 23
#[test]
fn case_23_confirm() {
    let bench = bench();
    let lib = Lib::start(false);
    let confirmed = trailer_bytes(true, 1, 1, 2);
    for (before, code, after) in [
        (UNSET, 0, UNSET),
        (trailer_bytes(true, 0xFF, 1, 2), 0, confirmed),
        (confirmed, 0, confirmed),
        (
            trailer_bytes(true, 0xFF, 0xFF, 0xFF),
            0,
            trailer_bytes(true, 1, 0xFF, 0xFF),
        ),
    ] {
        set_trailer(&bench, &PRIMARY, before);
        assert_eq!(lib.set_state(None, true), code);
        assert_eq!(bench.trailer(&PRIMARY), after);
    }
    let mut bad = trailer_bytes(true, 0xFF, 1, 2);
    bad[47] = 0;
    set_trailer(&bench, &PRIMARY, bad);
    assert_eq!(img_mgmt_impl_write_confirmed(), MGMT_ERR_EBADSTATE);
    assert_eq!(bench.trailer(&PRIMARY), bad);
    bench.assert_clean();
}

// failure case 25
#[test]
fn case_25_faults_during_an_upload_end_in_an_error_or_a_good_image() {
    let seed = 25;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let file = file(9000);
    for _ in 0..400 {
        let bench = bench();
        bench.chips.borrow_mut().bytes_mut(&SECONDARY).fill(0);
        let lib = Lib::start(random.one_in(2));
        let kinds = [
            Fault::Read,
            Fault::Write,
            Fault::Erase,
            Fault::LostWrite,
            Fault::LostErase,
            Fault::Garble,
        ];
        let fault = random.pick(&kinds)(random.below(200));
        bench.chips.borrow_mut().chips[1].inject(fault);
        let sent = lib.send(&file, &[], 512);
        let rc = img_mgmt_impl_write_pending(1, false);
        let good = secondary(&bench).starts_with(&file);
        assert!(rc != 0 || good, "{fault:?}");
        assert!(sent.is_err() || good, "{fault:?}");
        let scheduled = bench.trailer(&SECONDARY)[32..] == MAGIC;
        assert_eq!(scheduled, rc == 0, "{fault:?}");
    }
}

// failure case 31
#[test]
fn case_31_the_dog_is_fed_through_all_of_it() {
    for again in [0, 30] {
        let bench = bench();
        bench.chips.borrow_mut().chips[1].set_erase_again(again);
        let lib = Lib::start(false);
        let file = file(LIMIT);
        bench.chips.borrow_mut().bytes_mut(&SECONDARY).fill(0);
        let before = bench.feeds.get();
        assert_eq!(img_mgmt_impl_erase_slot(), 0);
        assert!(bench.feeds.get() - before >= 116);
        bench.chips.borrow_mut().bytes_mut(&SECONDARY).fill(0);
        lib.send(&file, &[], 512).unwrap();
        assert_eq!(img_mgmt_impl_write_pending(1, false), 0);
        assert!(bench.longest.get() <= 1000, "{} ms", bench.longest.get());
        let (write, read) = bench.most.get();
        assert!(write <= 256 && read <= 4096);
        bench.assert_clean();
    }
}

// failure case 35
#[test]
fn case_35_an_erase_ends_the_upload() {
    for lazy in [false, true] {
        let bench = bench();
        let lib = Lib::start(lazy);
        let file = file(20_000);
        let hash = sha(&file);
        lib.send_until(&file, &hash, 512, 9_000).unwrap();
        let off = g().off;
        assert_eq!(lib.erase(), 0);
        assert!(secondary(&bench).iter().all(|byte| *byte == 0xFF));
        let data = &file[off as usize..off as usize + 512];
        let next = Chunk {
            off: off.into(),
            data,
            ..Chunk::default()
        };
        assert_eq!(lib.upload(&next), Err(MGMT_ERR_EINVAL));
        assert!(secondary(&bench).iter().all(|byte| *byte == 0xFF));
        // The same file begins anew, though mcumgr still remembers its hash.
        assert_eq!(
            lib.upload(&Chunk {
                sha: &hash,
                ..first(&file, 512)
            }),
            Ok(512)
        );
        lib.send(&file, &hash, 512).unwrap();
        assert_eq!(img_mgmt_impl_write_pending(1, false), 0);
        bench.assert_clean();
    }
}

// failure case 35
#[test]
fn case_35_two_clients_do_not_mix() {
    let seed = 35;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let files = [file(9000), image::build_sized(version(3), 3, 9000)];
    let bench = bench();
    let lib = Lib::start(true);
    for _ in 0..300 {
        // Each goes on from the offset it was told last; a new first chunk takes over.
        let mut offs = [0u32; 2];
        for _ in 0..60 {
            let who = random.below(2) as usize;
            let (file, at) = (&files[who], offs[who] as usize);
            if at >= file.len() {
                break;
            }
            let data = &file[at..file.len().min(at + 512)];
            let size = if at == 0 { file.len() as u64 } else { u64::MAX };
            let chunk = Chunk {
                off: at as u64,
                size,
                data,
                sha: &[who as u8; 4],
                ..Chunk::default()
            };
            offs[who] = lib.upload(&chunk).unwrap_or(0);
        }
        let rc = img_mgmt_impl_write_pending(1, false);
        let whole = files.iter().any(|file| secondary(&bench).starts_with(file));
        assert_eq!(rc == 0, whole);
        bench.chips.borrow_mut().load(&SECONDARY, &[]);
    }
}

#[test]
fn the_firmware_may_refuse_an_update() {
    let bench = bench();
    let lib = Lib::start(false);
    let file = file(5000);
    bench.may_start.set(-100);
    assert_eq!(lib.upload(&first(&file, 512)), Err(MGMT_ERR_EBADSTATE));
    bench.may_start.set(0);
    assert_eq!(lib.upload(&first(&file, 512)), Ok(512));
    // Only newer ones, if the client says so.
    for (major, ok) in [(0, false), (1, false), (2, true)] {
        let file = image::build_sized(version(major), 4, 5000);
        let chunk = Chunk {
            upgrade: true,
            ..first(&file, 512)
        };
        assert_eq!(lib.upload(&chunk).is_ok(), ok);
    }
    bench.chips.borrow_mut().load(&PRIMARY, &[]);
    let chunk = Chunk {
        upgrade: true,
        ..first(&file, 512)
    };
    assert_eq!(lib.upload(&chunk), Err(MGMT_ERR_EUNKNOWN));
}
