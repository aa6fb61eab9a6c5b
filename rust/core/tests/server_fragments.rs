//! How a request is cut into pieces and how its map is written makes no difference.

mod server_support;

use server_support::boards::*;
use server_support::client::*;
use server_support::replies::*;
use server_support::shuffle::*;
use server_support::*;
use smpkit_sim::Random;

/// Requests of every kind, as fields: what a session of some client may look like.
fn script(image: &[u8]) -> Vec<(u8, u16, u8, Fields)> {
    let hash = image_hash(image).to_vec();
    let text = |text: &str| Value::Text(text.into());
    let mut all: Vec<(u8, u16, u8, Fields)> = vec![
        (WRITE2, 0, 0, vec![("d", text("hello"))]),
        (READ2, 0, 0, vec![("d", text(&"x".repeat(300)))]),
        (READ1, 0, 6, vec![]),
        (READ2, 0, 7, vec![("format", text("sv"))]),
        (READ2, 0, 7, vec![("format", text("?"))]),
        (READ2, 0, 8, vec![("query", text("mode"))]),
        (
            WRITE2,
            0,
            4,
            vec![("datetime", text("2026-11-21T08:51:07"))],
        ),
        (WRITE1, 1, 1, first_fields(image, 31)),
        (WRITE2, 1, 1, first_fields(image, 200)),
    ];
    let mut at = 200;
    while at < image.len() {
        let n = 333.min(image.len() - at);
        all.push((WRITE2, 1, 1, chunk_fields(image, at, n)));
        at += n;
        if at < 1000 {
            // Twice the same, and one from elsewhere.
            all.push((WRITE2, 1, 1, chunk_fields(image, at - n, n)));
            all.push((WRITE2, 1, 1, first_fields(image, 64)));
        }
    }
    let confirm = ("confirm", Value::Bool(true));
    all.extend([
        (READ2, 1, 0, vec![]),
        (READ2, 1, 6, vec![]),
        (WRITE2, 1, 0, vec![("hash", Value::Bytes(vec![3; 32]))]),
        (
            WRITE2,
            1,
            0,
            vec![
                ("hash", Value::Bytes(hash)),
                ("confirm", Value::Bool(false)),
            ],
        ),
        (WRITE1, 1, 0, vec![("hash", Value::Null), confirm.clone()]),
        (WRITE2, 1, 5, vec![("slot", Value::Uint(0))]),
        (WRITE2, 1, 5, vec![("slot", Value::Uint(1))]),
        (WRITE2, 1, 0, vec![("hash", Value::Bytes(vec![])), confirm]),
        (
            WRITE2,
            0,
            5,
            vec![("force", Value::Uint(1)), ("boot_mode", Value::Uint(2))],
        ),
    ]);
    all
}

fn flash(watch: &Watch) -> Vec<&[u8]> {
    watch
        .world
        .board
        .chips
        .iter()
        .map(|chip| chip.memory())
        .collect()
}

/// Replies and watch after the script was sent in the plainest way.
fn plainly(image: &[u8]) -> (Vec<Vec<u8>>, Watch) {
    let mut watch = shaped(4096, 1);
    let mut replies = Vec::new();
    for (first, group, command, fields) in script(image) {
        let request = packet(first, group, command, &map(&fields, false));
        replies.extend(watch.request(&request));
        watch.settle();
    }
    watch.wait(1000);
    (replies, watch)
}

#[test]
fn plain_script_does_what_it_should() {
    let image = new_image(9000);
    let (replies, watch) = plainly(&image);
    assert_eq!(replies.len(), script(&image).len());
    assert!(replies.iter().any(|reply| holds(reply, "match")));
    assert_eq!(watch.world.resets, [2]);
    assert_rules_kept(&watch);
}

#[test]
fn any_split_into_fragments_gives_the_same_replies_and_flash() {
    let image = new_image(9000);
    let (expected, plain) = plainly(&image);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut watch = shaped(4096, 1);
        let mut replies = Vec::new();
        let most = *random.pick(&[1, 2, 3, 20, 244, 1000, 4096]);
        for (first, group, command, fields) in script(&image) {
            let request = packet(first, group, command, &map(&fields, false));
            replies.extend(feed_in_pieces(&mut watch, &mut random, &request, most));
        }
        watch.settle();
        watch.wait(1000);
        assert!(
            replies == expected,
            "seed {seed}, pieces up to {most}: replies"
        );
        assert!(flash(&watch) == flash(&plain), "seed {seed}: flash");
        assert_eq!(watch.world.resets, [2], "seed {seed}");
        assert_rules_kept(&watch);
    }
}

#[test]
fn any_way_of_writing_the_map_gives_the_same_replies_and_flash() {
    let image = new_image(9000);
    let (expected, plain) = plainly(&image);
    for seed in 100..400 {
        let mut random = Random::new(seed);
        let mut watch = shaped(4096, 1);
        for (number, (first, group, command, fields)) in script(&image).into_iter().enumerate() {
            // A mismatch with data first may step back; upload_order looks at those.
            let upload = (group, command) == (1, 1);
            let payload = if upload && !in_order(&expected, number) {
                map(&fields, random.one_in(2))
            } else {
                shuffled(&mut random, &fields)
            };
            let request = packet(first, group, command, &payload);
            let replies = feed_in_pieces(&mut watch, &mut random, &request, 600);
            assert_eq!(replies.len(), 1, "seed {seed}, request {number}");
            assert_eq!(
                replies[0], expected[number],
                "seed {seed}, request {number}: {payload:02x?}"
            );
        }
        watch.settle();
        watch.wait(1000);
        assert!(flash(&watch) == flash(&plain), "seed {seed}: flash");
        assert_rules_kept(&watch);
    }
}

/// Whether request `number` of the script brought the upload forward.
fn in_order(replies: &[Vec<u8>], number: usize) -> bool {
    let offset = |reply: &Vec<u8>| {
        let upload = reply[4..6] == [0, 1] && reply[7] == 1;
        upload.then(|| answer(reply).off).flatten()
    };
    let before = replies[..number].iter().rev().find_map(offset);
    offset(&replies[number]) > before || offset(&replies[number]).is_none()
}

#[test]
fn many_requests_in_one_write_are_answered_in_order() {
    let mut watch = Watch::running();
    let image = new_image(3000);
    let mut all = packet(
        WRITE2,
        0,
        0,
        &map(&vec![("d", Value::Text("a".into()))], false),
    );
    all.extend(upload(&first_fields(&image, 200)));
    all.extend(upload(&chunk_fields(&image, 200, 1000)));
    all.extend(packet(READ1, 0, 6, &[]));
    let replies = watch.feed(1, &all);
    assert_eq!(replies.len(), 4);
    assert!(holds(&replies[0].1, "a"));
    assert_eq!(answer(&replies[1].1), off(200));
    assert_eq!(answer(&replies[2].1), off(1200));
    assert!(holds(&replies[3].1, "buf_size"));
}
