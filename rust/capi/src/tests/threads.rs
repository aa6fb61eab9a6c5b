//! smpkit_link_rx() in one thread, smpkit_poll() in another.

use super::packets::*;
use super::rig::*;
use crate::api::*;
use crate::calls::*;
use crate::port::*;
use std::sync::atomic::{AtomicBool, Ordering};

const REQUESTS: usize = 20_000;

#[test]
fn i8_requests_from_another_thread_are_answered_in_order_or_refused() {
    let watch = Watch::new();
    for (ring, piece) in [(64, 200), (100, 7), (512, 20), (512, 200)] {
        let line = watch.open(ring, |config| {
            config.mtu = 244;
            config.required_security = SMPKIT_SECURITY_OPEN;
        });
        let link = line.link() as usize;
        let over = AtomicBool::new(false);
        let mut replies = Vec::new();
        let accepted = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let accepted = send_all(link as *mut smpkit_link, piece);
                over.store(true, Ordering::Release);
                accepted
            });
            while !over.load(Ordering::Acquire) {
                watch.poll();
                replies.extend(line.replies());
            }
            sender.join().unwrap()
        });
        watch.run();
        replies.extend(line.replies());
        check(&replies, &accepted, ring);
        line.close();
    }
}

/// Which requests went in without a loss.
fn send_all(link: *mut smpkit_link, piece: usize) -> Vec<bool> {
    let send = |number: usize| {
        let request = echo(number as u8, &text_of(number));
        let mut whole = true;
        for bytes in request.chunks(piece) {
            let code = unsafe { smpkit_link_rx(link, bytes.as_ptr().cast(), bytes.len() as u32) };
            assert!(code == 0 || code == SMPKIT_ERR_NOMEM, "{code}");
            whole &= code == 0;
        }
        if number % 50 == 0 {
            std::thread::yield_now();
        }
        whole
    };
    (0..REQUESTS).map(send).collect()
}

fn text_of(number: usize) -> String {
    format!("{number:05}")
}

/// Every accepted request was echoed, in order; a refused one got an error or nothing.
fn check(replies: &[Vec<u8>], accepted: &[bool], ring: usize) {
    let mut replies = replies.iter().peekable();
    for (number, whole) in accepted.iter().enumerate() {
        if *whole {
            let wanted = echoed(number as u8, &text_of(number));
            assert_eq!(
                replies.next(),
                Some(&wanted),
                "request {number}, ring {ring}"
            );
        } else {
            let error = failed(&echo(number as u8, &text_of(number)), 2);
            let _ = replies.next_if_eq(&&error);
        }
    }
    assert_eq!(replies.next(), None, "ring {ring}");
}
