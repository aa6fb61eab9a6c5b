//! Sessions and links (I8): two clients never mix, a lost link frees the session, anybody with the
//! same file continues it.

mod server_support;

use server_support::client::*;
use server_support::replies::*;
use server_support::*;

const IDLE_MS: u32 = 30_000;

/// A request on a link.
fn on(watch: &mut Watch, link: u8, request: &[u8]) -> Answer {
    let mut replies = watch.feed(link, request);
    assert_eq!(replies.len(), 1);
    let (to, reply) = replies.pop().unwrap();
    assert_eq!(to, link, "reply to the link that asked");
    assert_well_formed(request, &reply);
    answer(&reply)
}

fn rival() -> Vec<u8> {
    smpkit_sim::image::build_sized(version(7, 0, 0, 0), 70, 25_000)
}

/// Link 1 has uploaded this much.
fn begun(image: &[u8], until: usize) -> Watch {
    let mut watch = Watch::running();
    let mut at = on(&mut watch, 1, &upload(&first_fields(image, 200)))
        .off
        .unwrap() as usize;
    while at < until {
        let n = 1000.min(until - at);
        at = on(&mut watch, 1, &upload(&chunk_fields(image, at, n)))
            .off
            .unwrap() as usize;
    }
    watch
}

// I8, failure case 35
#[test]
fn case_35_second_link_is_told_busy_and_disturbs_nothing() {
    let image = new_image(20_000);
    let mut watch = begun(&image, 5000);
    let other = rival();
    let mut at = 5000;
    while at < 20_000 {
        for fields in [
            first_fields(&other, 200),
            chunk_fields(&other, at, 700),
            first_fields(&image, 200),
            vec![("off", Value::Uint(0))],
        ] {
            assert_eq!(on(&mut watch, 2, &upload(&fields)), rc(10));
            let mut reversed = fields.clone();
            reversed.reverse();
            assert_eq!(on(&mut watch, 3, &upload(&reversed)), rc(10));
        }
        assert_eq!(on(&mut watch, 2, &packet(WRITE2, 1, 5, &[0xA0])), rc(10));
        let chunk = upload(&chunk_fields(&image, at, 1000));
        at = on(&mut watch, 1, &chunk).off.unwrap() as usize;
        watch.wait(IDLE_MS - 1000);
    }
    assert_slot_holds(&watch, &image);
    // Finished: now the other one may.
    assert_eq!(
        on(&mut watch, 2, &upload(&first_fields(&other, 200))),
        off(200)
    );
}

#[test]
fn other_commands_of_a_second_link_are_answered_during_an_upload() {
    let image = new_image(20_000);
    let mut watch = begun(&image, 5000);
    for request in [
        packet(READ2, 1, 0, &[0xA0]),
        packet(READ2, 1, 6, &[0xA0]),
        packet(READ2, 0, 6, &[0xA0]),
        packet(
            WRITE2,
            0,
            0,
            &map(&vec![("d", Value::Text("a".into()))], false),
        ),
        packet(
            WRITE2,
            1,
            0,
            &map(&vec![("confirm", Value::Bool(true))], false),
        ),
    ] {
        let replies = watch.feed(2, &request);
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].0, 2);
        assert!(!holds(&replies[0].1, "rc"), "{request:02x?}");
    }
    assert_eq!(
        on(&mut watch, 1, &upload(&chunk_fields(&image, 5000, 100))),
        off(5100)
    );
}

// I8
#[test]
fn session_of_a_silent_link_is_free_after_30_seconds() {
    let image = new_image(20_000);
    let first = upload(&first_fields(&image, 200));
    for (wait, free) in [(IDLE_MS - 100, false), (IDLE_MS + 1, true)] {
        let mut watch = begun(&image, 5000);
        watch.wait(wait);
        let expected = if free { off(5000) } else { rc(10) };
        assert_eq!(on(&mut watch, 2, &first), expected, "after {wait} ms");
        if free {
            // Now the first link is the one that has to wait.
            let chunk = upload(&chunk_fields(&image, 5000, 100));
            assert_eq!(on(&mut watch, 1, &chunk), rc(10));
            assert_eq!(on(&mut watch, 2, &chunk), off(5100));
        }
    }
}

#[test]
fn session_stays_owned_when_the_clock_wraps() {
    let image = new_image(20_000);
    let mut watch = Watch::running();
    watch.now = u32::MAX - 5000;
    on(&mut watch, 1, &upload(&first_fields(&image, 200)));
    watch.now = watch.now.wrapping_add(10_000);
    assert_eq!(
        on(&mut watch, 2, &upload(&first_fields(&image, 200))),
        rc(10)
    );
    watch.now = watch.now.wrapping_add(IDLE_MS);
    assert_eq!(
        on(&mut watch, 2, &upload(&first_fields(&image, 200))),
        off(200)
    );
}

// I8
#[test]
fn lost_link_frees_its_session_and_another_continues_it() {
    let image = new_image(20_000);
    let first = upload(&first_fields(&image, 200));
    for at in [200, 3000, 4096, 4097, 12_288, 15_000] {
        let mut watch = begun(&image, at);
        watch.server.closed(1, watch.now);
        assert_eq!(on(&mut watch, 2, &first), off(at as u32), "resume at {at}");
        let mut last = off(at as u32);
        while let Some(at) = last.off.filter(|at| *at < 20_000) {
            last = on(
                &mut watch,
                2,
                &upload(&chunk_fields(&image, at as usize, 3000)),
            );
        }
        assert_eq!(last, done(20_000));
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}

#[test]
fn link_that_was_lost_in_the_middle_of_a_chunk_costs_at_most_a_sector() {
    let image = new_image(20_000);
    let first = upload(&first_fields(&image, 200));
    for cut in [4, 8, 20, 100, 900, 1500, 1999] {
        let mut watch = begun(&image, 9000);
        let chunk = upload(&chunk_fields(&image, 9000, 2000));
        assert!(watch.feed(1, &chunk[..cut]).is_empty());
        watch.server.closed(1, watch.now);
        let told = on(&mut watch, 2, &first).off.unwrap();
        assert!((8192..=9000).contains(&told), "cut at {cut}: {told}");
        let mut last = off(told);
        while let Some(at) = last.off.filter(|at| *at < 20_000) {
            last = on(
                &mut watch,
                2,
                &upload(&chunk_fields(&image, at as usize, 3000)),
            );
        }
        assert_eq!(last, done(20_000), "cut at {cut}");
        assert_rules_kept(&watch);
    }
}

#[test]
fn lost_link_may_be_followed_by_another_file() {
    let image = new_image(20_000);
    let mut watch = begun(&image, 9000);
    watch.server.closed(1, watch.now);
    let other = rival();
    assert_eq!(
        on(&mut watch, 2, &upload(&first_fields(&other, 200))),
        off(200)
    );
    let mut last = off(200);
    while let Some(at) = last.off.filter(|at| *at < 25_000) {
        last = on(
            &mut watch,
            2,
            &upload(&chunk_fields(&other, at as usize, 3000)),
        );
    }
    assert_eq!(last, done(25_000));
    assert_slot_holds(&watch, &other);
}

// I4, I8: two clients that take turns in every way a link can come and go
#[test]
fn two_clients_in_any_order_never_leave_a_mixture() {
    for seed in 0..60 {
        let mut random = smpkit_sim::Random::new(seed);
        let images = [new_image(9_000), rival()[..].to_vec()];
        let mut watch = Watch::running();
        let mut at = [0usize; 2];
        let mut finished = 0;
        for _ in 0..600 {
            let who = random.below(2) as usize;
            let link = 1 + who as u8;
            match random.below(20) {
                0 => watch.server.closed(link, watch.now),
                1 => watch.wait(IDLE_MS + 1),
                _ => {}
            }
            let fields = match at[who] {
                0 => first_fields(&images[who], 100),
                at => chunk_fields(&images[who], at, 1 + random.below(2500) as usize),
            };
            let reply = on(&mut watch, link, &upload(&fields));
            if reply.matched == Some(true) {
                let holder = images
                    .iter()
                    .position(|image| watch.secondary().starts_with(image));
                assert_eq!(holder, Some(who), "seed {seed}");
                finished += 1;
            }
            let len = images[who].len();
            match reply.off {
                Some(off) => at[who] = (off as usize) % len,
                // Told that the file is spoiled: begin again.
                None if reply.group_error.is_some() => at[who] = 0,
                None => assert_eq!(reply, rc(10), "seed {seed}"),
            }
        }
        assert!(finished > 0, "seed {seed}: nobody ever came to an end");
        assert_rules_kept(&watch);
    }
}

// failure case 16
#[test]
fn case_16_same_file_after_completion_starts_again_and_succeeds() {
    let image = new_image(20_000);
    let mut watch = begun(&image, 20_000);
    assert_slot_holds(&watch, &image);
    let first = upload(&first_fields(&image, 200));
    assert_eq!(on(&mut watch, 1, &first), off(200));
    assert_eq!(upload_all(&mut watch, &image, 3000), done(20_000));
    assert_slot_holds(&watch, &image);
}

// failure case 16
#[test]
fn case_16_upload_continues_after_a_restart() {
    let image = new_image(60_000);
    for at in [200, 4096, 8192, 8300, 20_000, 40_960, 59_000, 59_999] {
        let watch = begun(&image, at);
        let mut watch = watch.reboot();
        let before = watch.world.board.operations();
        let told = on(&mut watch, 1, &upload(&first_fields(&image, 256)))
            .off
            .unwrap() as usize;
        assert!(told <= at.max(256), "{told} told, {at} kept");
        assert!(told + 2 * 4096 >= at, "{told} told, {at} kept");
        assert!(
            watch.world.board.operations() - before <= 3,
            "resume is not a new start"
        );
        let mut last = off(told as u32);
        while let Some(at) = last.off.filter(|at| *at < 60_000) {
            last = on(
                &mut watch,
                1,
                &upload(&chunk_fields(&image, at as usize, 3000)),
            );
        }
        assert_eq!(last, done(60_000), "{at}");
        assert_slot_holds(&watch, &image);
        assert_rules_kept(&watch);
    }
}

// failure case 16
#[test]
fn case_16_another_file_or_none_named_does_not_continue_after_a_restart() {
    let image = new_image(60_000);
    let mut watch = begun(&image, 30_000).reboot();
    let mut unnamed = first_fields(&image, 200);
    unnamed.retain(|(key, _)| *key != "sha");
    assert_eq!(on(&mut watch, 1, &upload(&unnamed)), off(200));
    let mut watch = begun(&image, 30_000).reboot();
    let other = rival();
    assert_eq!(
        on(&mut watch, 1, &upload(&first_fields(&other, 200))),
        off(200)
    );
    assert_eq!(upload_all(&mut watch, &other, 3000), done(25_000));
    assert_slot_holds(&watch, &other);
}

#[test]
fn wrong_guess_after_a_restart_ends_in_a_clean_start() {
    let image = new_image(60_000);
    let watch = begun(&image, 30_000);
    let mut board = watch.world.board;
    board.power_on();
    // A bit rots where it was written before.
    board.bytes_mut(&SECONDARY)[10_000] ^= 0xFF;
    let mut watch = Watch::new(board);
    let told = on(&mut watch, 1, &upload(&first_fields(&image, 256)))
        .off
        .unwrap();
    assert!(told > 20_000, "{told}");
    let mut last = off(told);
    while let Some(at) = last.off.filter(|at| *at < 60_000) {
        last = on(
            &mut watch,
            1,
            &upload(&chunk_fields(&image, at as usize, 3000)),
        );
    }
    assert_eq!(last, err(1, 24), "I4");
    assert_eq!(
        on(&mut watch, 1, &upload(&first_fields(&image, 256))),
        off(256)
    );
    assert_eq!(upload_all(&mut watch, &image, 3000), done(60_000));
    assert_slot_holds(&watch, &image);
}
