//! What must hold whatever happens, by the numbers of the design: I1 to I10.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::*;
use smpkit_core::image::{Bootloader, SwapType};
use smpkit_core::smp::{rc as codes, Fail};
use smpkit_sim::{image::build_sized, Board, OpKind, Random};

fn put_random_trailer(random: &mut Random, board: &mut Board, area: &smpkit_core::flash::Area) {
    let mut garbage = [0; 16];
    random.fill(&mut garbage);
    let magics: [&[u8]; 4] = [&MAGIC[..], &MAGIC[..7], &garbage, &[]];
    let magic = *random.pick(&magics);
    let mut flag = || *random.pick(&[0xFF, 0xFF, 1, 1, 0, 0x7F, 3]);
    let (ok, done, info) = (flag(), flag(), flag());
    trailer(board, area, magic, ok, done, info);
}

/// Slots with anything in them that a watch may be found with.
fn any_state(random: &mut Random) -> Watch {
    let mut board = Board::pinetime();
    let mut old = build_sized(version(1, 0, 0, 0), 3, 20_000);
    let mut new = build_sized(version(2, 0, 0, 0), 4, 30_000);
    for image in [&mut old, &mut new] {
        match random.below(5) {
            0 => random.fill(&mut image[..64]),
            1 => image.truncate(10_000),
            2 => image.clear(),
            _ => {}
        }
    }
    board.load(&PRIMARY, &old);
    board.load(&SECONDARY, &new);
    put_random_trailer(random, &mut board, &PRIMARY);
    put_random_trailer(random, &mut board, &SECONDARY);
    let bootloader = *random.pick(&[Bootloader::V1_5_0, Bootloader::Current]);
    let setup = Setup {
        bootloader,
        ..Setup::default()
    };
    Watch::with(board, setup)
}

// I3
#[test]
fn any_state_leads_to_an_accepted_upload_in_three_requests() {
    let image = new_image(9000);
    let first = upload(&first_fields(&image, 200));
    let confirm = packet(
        WRITE2,
        1,
        0,
        &map(&vec![("confirm", Value::Bool(true))], false),
    );
    for seed in 0..1500 {
        let mut random = Random::new(seed);
        let mut watch = any_state(&mut random);
        let mut requests = 1;
        let mut reply = ask(&mut watch, &first);
        if reply.off.is_none() {
            watch.request(&confirm);
            reply = ask(&mut watch, &first);
            requests = 3;
        }
        assert_eq!(reply, off(200), "seed {seed} after {requests} requests");
        assert_eq!(
            upload_all(&mut watch, &image, 2000),
            done(9000),
            "seed {seed}"
        );
        assert_rules_kept(&watch);
    }
}

// I2, I3: erasing a scheduled or damaged trailer must not uncover a rollback into the new image
#[test]
fn upload_while_the_running_image_is_not_confirmed_never_becomes_a_revert() {
    let image = new_image(9000);
    let first = upload(&first_fields(&image, 200));
    let confirm = packet(
        WRITE1,
        1,
        0,
        &map(&vec![("confirm", Value::Bool(true))], false),
    );
    for bootloader in [Bootloader::V1_5_0, Bootloader::Current] {
        for (magic, ok) in [
            (&MAGIC[..], 0xFF),
            (&MAGIC[..], 1),
            (&MAGIC[..9], 0xFF),
            (&[], 0xFF),
        ] {
            let mut board = on_trial().world.board;
            trailer(&mut board, &SECONDARY, magic, ok, 0xFF, 2);
            let setup = Setup {
                bootloader,
                ..Setup::default()
            };
            let mut watch = Watch::with(board, setup);
            let label = format!("{bootloader:?}, {} bytes of magic, {ok}", magic.len());
            if ask(&mut watch, &first).off.is_none() {
                assert_eq!(watch.world.board.operations(), 0, "{label}");
                watch.request(&confirm);
                assert_eq!(ask(&mut watch, &first), off(200), "{label}");
            }
            assert_eq!(next(&mut watch), SwapType::None, "{label}");
            assert_eq!(upload_all(&mut watch, &image, 2000), done(9000), "{label}");
            assert_eq!(next(&mut watch), SwapType::None, "{label}");
            let scheduled = state_write(&mut watch, Some(&image_hash(&image)), false);
            assert!(holds(&scheduled, "images"), "{label}: {scheduled:02x?}");
            assert_eq!(next(&mut watch), SwapType::Test, "{label}");
        }
    }
}

// I1, I2: no requests make the bootloader swap anything that was not checked
#[test]
fn random_requests_never_write_the_primary_or_schedule_a_damaged_image() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut board = Board::pinetime();
        board.load(&PRIMARY, &running_image());
        let mut watch = Watch::new(board);
        let primary = watch.primary().to_vec();
        let good = build_sized(
            version(2, 0, 0, 0),
            seed,
            3000 + random.below(9000) as usize,
        );
        let mut bad = good.clone();
        bad[2000] ^= 1;
        let hash = image_hash(&good);
        for _ in 0..60 {
            match random.below(8) {
                0 => drop(state_write(&mut watch, Some(&hash), random.one_in(2))),
                1 => drop(state_write(&mut watch, None, true)),
                2 => drop(watch.request(&packet(WRITE2, 1, 5, &[0xA0]))),
                3 => watch = watch.reboot(),
                4 => watch.settle(),
                _ => {
                    let image = if random.one_in(2) { &good } else { &bad };
                    let at = watch.server.progress().0 as usize;
                    let fields = match at {
                        0 => first_fields(image, 200),
                        at => chunk_fields(image, at.min(image.len()), 3000),
                    };
                    watch.request(&upload(&fields));
                }
            }
            if matches!(next(&mut watch), SwapType::Test | SwapType::Perm) {
                assert!(watch.secondary().starts_with(&good), "seed {seed}");
            }
        }
        assert!(watch.primary() == primary, "seed {seed}: primary written");
        assert_rules_kept(&watch);
    }
}

// I4
#[test]
fn success_means_that_the_flash_holds_what_was_promised() {
    let image = new_image(30_000);
    let mut watch = Watch::running();
    let mut last = ask(&mut watch, &upload(&first_fields(&image, 200)));
    while let Some(at) = last.off.filter(|at| *at < 30_000) {
        // Somebody else writes into the slot: the file system, a stray pointer.
        if at > 20_000 {
            watch.world.board.bytes_mut(&SECONDARY)[15_000] ^= 1;
        }
        last = ask(
            &mut watch,
            &upload(&chunk_fields(&image, at as usize, 5000)),
        );
        if watch.secondary()[15_000] != image[15_000] {
            watch.world.board.bytes_mut(&SECONDARY)[25_000] = 0;
        }
    }
    assert_eq!(last, err(1, 24));
}

// I5
#[test]
fn trailer_sector_is_erased_first_and_magic_is_written_last() {
    let mut watch = pending(&new_image(60_000), true);
    let image = build_sized(version(3, 0, 0, 0), 8, 20_000);
    let trailer = SECONDARY.offset + 0x73000;
    watch.world.board.chips[1].clear();
    assert_eq!(upload_all(&mut watch, &image, 2000), done(20_000));
    let uploaded = watch.world.board.chips[1].log().len();
    state_write(&mut watch, Some(&image_hash(&image)), true);
    let log = watch.world.board.chips[1].log();
    assert_eq!((log[0].kind, log[0].offset), (OpKind::Erase, trailer));
    let touches = |op: &&smpkit_sim::Op| op.offset + op.len > trailer;
    assert_eq!(log[1..uploaded].iter().filter(touches).count(), 0);
    let (last, fields) = log[uploaded..].split_last().unwrap();
    assert_eq!((last.kind, last.offset), (OpKind::Write, trailer + 0xFF0));
    assert_eq!(last.len, 16);
    assert!(fields
        .iter()
        .all(|op| op.kind == OpKind::Write && op.len == 1));
}

// I5
#[test]
fn data_is_only_written_to_sectors_that_were_blank() {
    let mut watch = loaded(&build_sized(version(1, 2, 0, 0), 1, 200_000));
    let image = build_sized(version(3, 0, 0, 0), 8, 150_000);
    assert_eq!(upload_all(&mut watch, &image, 4000), done(150_000));
    let mut erased = [false; 0x74];
    for op in watch.world.board.chips[1].log() {
        let sector = ((op.offset - SECONDARY.offset) / 4096) as usize;
        if op.kind == OpKind::Erase {
            erased[sector..][..(op.len / 4096) as usize].fill(true);
        } else {
            assert!(erased[sector], "write into sector {sector}");
        }
    }
    // One blank sector always lies in front of the data, as a mark for a restart.
    assert_rules_kept(&watch);
}

// I6 is case_10 in upload_limits

// I7
#[test]
fn a_step_is_one_flash_operation_and_a_bounded_amount_of_reading() {
    for (sector, unit) in [(512, 1), (1024, 4), (4096, 1), (4096, 8)] {
        let mut watch = shaped(sector, unit);
        let slots = watch.slots;
        watch.world.board.bytes_mut(&slots.secondary).fill(0x42);
        let image = build_sized(version(2, 0, 0, 0), 1, 70_000);
        assert_eq!(upload_all(&mut watch, &image, 4000), done(70_000));
        assert_eq!(upload_all(&mut watch, &image, 4000), done(70_000));
        watch.request(&packet(WRITE2, 1, 5, &[0xA0]));
        watch.settle();
        assert_eq!(watch.worst_operations, 1, "sector {sector}");
        let image = build_sized(version(2, 0, 0, 0), 1, 30_000);
        for erase in [true, false] {
            watch.world.board.load(&slots.secondary, &image);
            let end = slots.secondary.size as usize;
            watch.world.board.bytes_mut(&slots.secondary)[end - 16..].fill(0x17);
            if erase {
                watch.request(&packet(WRITE2, 1, 5, &[0xA0]));
            } else {
                watch.request(&upload(&first_fields(&image, 200)));
            }
            assert_eq!(watch.worst_operations, 1, "sector {sector}: erase {erase}");
            watch.settle();
        }
        // A sector is looked at before and after its erase; the rest is headers and trailers.
        let most = 4096 + 2 * 4096 + 1024;
        assert!(
            watch.worst_read <= most,
            "sector {sector}: {} read",
            watch.worst_read
        );
    }
}

// I7
#[test]
fn scheduling_is_a_few_small_writes_in_one_step() {
    let mut watch = loaded(&new_image(60_000));
    state_write(&mut watch, Some(&image_hash(&new_image(60_000))), true);
    let log = watch.world.board.chips[1].log();
    assert!(
        log.len() <= 4 && log.iter().all(|op| op.len <= 16),
        "{log:?}"
    );
    assert!(watch.worst_read <= 4096 + 1024, "{} read", watch.worst_read);
}

// I7: the wait of a client, on a chip with 400 ms per sector
#[test]
fn at_most_two_sectors_are_erased_before_any_reply() {
    let mut watch = pending(&build_sized(version(1, 2, 0, 0), 1, 470_000), false);
    let image = build_sized(version(2, 0, 0, 0), 1, 200_000);
    let mut at = 0;
    while at < image.len() {
        let request = match at {
            0 => upload(&first_fields(&image, 200)),
            at => upload(&chunk_fields(&image, at, 500)),
        };
        let before = watch.world.board.chips[1].counters().erases;
        at = ask(&mut watch, &request).off.unwrap() as usize;
        let erases = watch.world.board.chips[1].counters().erases - before;
        let most = if at <= 256 { 3 } else { 1 };
        assert!(erases <= most, "{erases} erases before the reply with {at}");
        watch.settle();
    }
}

// I9
#[test]
fn who_may_write_is_asked_for_each_request() {
    let image = new_image(9000);
    let mut watch = Watch::running();
    watch.world.open_links = vec![2];
    let first = upload(&first_fields(&image, 200));
    let echo = packet(
        READ2,
        0,
        0,
        &map(&vec![("d", Value::Text("a".into()))], false),
    );
    for (request, write) in [
        (first.clone(), true),
        (packet(WRITE2, 1, 5, &[0xA0]), true),
        (packet(WRITE2, 0, 5, &[0xA0]), true),
        (packet(WRITE2, 1, 0, &[0xA0]), true),
        (packet(READ2, 1, 0, &[0xA0]), false),
        (packet(READ2, 0, 6, &[0xA0]), false),
        (echo, false),
    ] {
        let reply = watch.feed(2, &request).remove(0).1;
        if write {
            assert_eq!(answer(&reply), rc(11), "{request:02x?}");
        } else {
            assert!(!holds(&reply, "rc"), "{request:02x?}");
        }
    }
    assert_eq!(watch.world.board.operations(), 0);
    // The link becomes encrypted, and is lost again in the middle of the upload.
    watch.world.open_links.clear();
    assert_eq!(answer(&watch.feed(2, &first)[0].1), off(200));
    watch.world.open_links.push(2);
    let chunk = upload(&chunk_fields(&image, 200, 3000));
    assert_eq!(answer(&watch.feed(2, &chunk)[0].1), rc(11));
    watch.world.open_links.clear();
    assert_eq!(answer(&watch.feed(2, &chunk)[0].1), off(3200));
    watch.wait(1000);
    assert!(watch.world.resets.is_empty());
}

// I9: the port decides which code the client sees
#[test]
fn refusal_of_the_port_is_passed_on() {
    let mut watch = Watch::running();
    watch.world.deny = Some(Fail::smp(codes::BUSY));
    assert_eq!(ask(&mut watch, &packet(READ2, 0, 6, &[0xA0])), rc(10));
    watch.world.deny = None;
    assert!(holds(
        &watch.request(&packet(READ2, 0, 6, &[0xA0])).unwrap(),
        "buf_size"
    ));
}

// failure case 31
#[test]
fn case_31_watchdog_is_fed_at_least_once_a_second() {
    for again in [0, 3] {
        let mut watch = pending(&build_sized(version(1, 2, 0, 0), 1, 470_000), false);
        watch.world.board.chips[1].set_erase_again(again);
        let image = build_sized(version(2, 0, 0, 0), 1, 300_000);
        assert_eq!(upload_all(&mut watch, &image, 4000), done(300_000));
        let erases = watch.world.board.chips[1].counters().erases;
        assert!(watch.world.feeds >= erases, "{} feeds", watch.world.feeds);
        watch.request(&packet(WRITE2, 1, 5, &[0xA0]));
        watch.settle();
        let mut watch = loaded(&image);
        state_write(&mut watch, Some(&image_hash(&image)), true);
        assert_eq!(next(&mut watch), SwapType::Perm);
        let worst = watch.world.worst_unfed;
        assert!(worst <= 1_000_000, "{worst} us without feeding");
    }
}

#[test]
fn flash_is_kept_powered_exactly_while_there_is_work() {
    let mut watch = Watch::running();
    let image = new_image(30_000);
    assert_eq!(upload_all(&mut watch, &image, 2000), done(30_000));
    watch.settle();
    assert_eq!(watch.world.powered, [true, false]);
    assert_eq!(watch.world.progress.last(), Some(&(30_000, 30_000)));
    assert!(watch.world.progress.is_sorted());
    watch.request(&packet(WRITE2, 1, 5, &[0xA0]));
    watch.settle();
    assert_eq!(watch.world.powered, [true, false, true, false]);
}
