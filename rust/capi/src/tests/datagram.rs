//! Datagram links: one packet per datagram, whole or not at all.

use super::packets::*;
use super::rig::*;
use crate::api::*;
use crate::port::*;

fn link(watch: &Watch, ring: usize, mtu: u32) -> Line {
    watch.open(ring, |config| {
        config.kind = SMPKIT_LINK_DATAGRAM;
        config.mtu = mtu;
    })
}

#[test]
fn two_requests_in_one_datagram_get_two_replies() {
    let watch = Watch::new();
    let line = link(&watch, 1024, 0);
    assert_eq!(line.rx(&[echo(1, "a"), echo(2, "b")].concat()), 0);
    watch.run();
    assert_eq!(line.pieces(), [echoed(1, "a"), echoed(2, "b")]);
}

#[test]
fn a_short_datagram_is_corrupt_and_the_next_is_not() {
    let watch = Watch::new();
    let line = link(&watch, 1024, 0);
    let request = echo(1, "hello");
    for len in 8..request.len() {
        line.rx(&request[..len]);
        watch.run();
        assert_eq!(line.pieces(), [failed(&request, 9)], "{len} bytes");
        assert_eq!(watch.ask(&line, &request), echoed(1, "hello"));
    }
}

#[test]
fn less_than_a_header_is_met_with_silence() {
    let watch = Watch::new();
    let line = link(&watch, 1024, 0);
    let request = echo(1, "hello");
    for len in 1..8 {
        line.rx(&request[..len]);
        watch.run();
        assert!(line.pieces().is_empty(), "{len} bytes");
        assert_eq!(watch.ask(&line, &request), echoed(1, "hello"));
        // Also behind a whole request.
        line.rx(&[&request[..], &request[..len]].concat());
        watch.run();
        assert_eq!(line.pieces(), [echoed(1, "hello")], "{len} bytes");
        assert_eq!(watch.ask(&line, &request), echoed(1, "hello"));
    }
}

#[test]
fn clients_are_told_what_fits_into_the_ring() {
    let watch = Watch::new();
    for (ring, mtu, size) in [
        (512, 0, 496),
        (4096, 0, 1472),
        (2048, 1000, 1000),
        (64, 0, 48),
    ] {
        let line = link(&watch, ring, mtu);
        let reply = watch.ask(&line, &params());
        assert_eq!(
            number(&reply, "buf_size"),
            Some(size),
            "ring {ring}, mtu {mtu}"
        );
        // And that much does fit.
        let request = packet(READ, 0, 6, 1, &vec![0xA0; size as usize - 8]);
        assert_eq!(request.len(), size as usize);
        assert_eq!(line.rx(&request), 0);
        watch.run();
        assert_eq!(line.replies().len(), 1);
        line.close();
    }
}

#[test]
fn clients_are_not_told_more_than_the_configured_frame() {
    let mut watch = Watch::cold();
    watch.config.frame_size = 600;
    watch.config.frame_count = 3;
    assert_eq!(watch.init(), 0);
    let line = link(&watch, 4096, 0);
    let reply = watch.ask(&line, &params());
    assert_eq!(number(&reply, "buf_size"), Some(600));
    assert_eq!(number(&reply, "buf_count"), Some(3));
}

#[test]
fn a_datagram_larger_than_the_ring_is_answered() {
    let watch = Watch::new();
    let line = link(&watch, 256, 0);
    let request = echo(5, &"z".repeat(300));
    assert_eq!(line.rx(&request), SMPKIT_ERR_NOMEM);
    watch.run();
    assert_eq!(line.pieces(), [failed(&request, 2)]);
    let file = file(20_000);
    assert_eq!(off(&watch.ask(&line, &first(&file, 100))), Some(100));
    assert_eq!(line.rx(&chunk(&file, 100, 300)), SMPKIT_ERR_NOMEM);
    watch.run();
    let replies = line.replies();
    assert_eq!((replies.len(), off(&replies[0])), (1, Some(100)));
    assert_eq!(off(&watch.ask(&line, &chunk(&file, 100, 200))), Some(300));
}

#[test]
fn a_whole_upload_in_datagrams() {
    let watch = Watch::new();
    let line = link(&watch, 2048, 0);
    let file = file(50_000);
    let mut reply = watch.ask(&line, &first(&file, 1_300));
    while let Some(at) = off(&reply).filter(|at| *at < 50_000) {
        reply = watch.ask(&line, &chunk(&file, at as usize, 1_400));
    }
    assert!(matches(&reply));
}

#[test]
fn a_lost_reply_is_asked_for_again() {
    let watch = Watch::new();
    let line = link(&watch, 2048, 0);
    let file = file(20_000);
    assert_eq!(off(&watch.ask(&line, &first(&file, 200))), Some(200));
    for _ in 0..3 {
        assert_eq!(off(&watch.ask(&line, &first(&file, 200))), Some(200));
    }
    assert_eq!(off(&watch.ask(&line, &chunk(&file, 200, 900))), Some(1_100));
    for _ in 0..3 {
        assert_eq!(off(&watch.ask(&line, &chunk(&file, 200, 900))), Some(1_100));
    }
}
