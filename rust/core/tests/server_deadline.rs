//! Flash that never finishes: every wait has an end.

mod server_support;

use server_support::client::*;
use server_support::*;
use smpkit_core::Error;

/// More than any test asks for.
const FOR_EVER: u32 = 1_000_000;

/// Steps, 10 ms apart, until there is a reply.
fn patiently(watch: &mut Watch, packet: &[u8]) -> (Vec<u8>, u32) {
    let now = watch.now;
    let used = watch
        .server
        .input(1, packet, false, watch.now, &mut watch.world);
    assert_eq!(used, packet.len());
    for _ in 0..10_000 {
        watch.now += 10;
        watch.server.step(watch.now, &mut watch.world);
        if let Some((_, reply)) = watch.server.reply() {
            let reply = reply.to_vec();
            watch.server.sent(watch.now);
            return (reply, watch.now - now);
        }
    }
    panic!("no reply after 100 s");
}

// failure case 26, as far as the server sees it
// I12
#[test]
fn case_26_erase_that_never_ends_is_an_error_and_the_watch_goes_on() {
    let erase = packet(WRITE2, 1, 5, &[0xA0]);
    let image = new_image(30_000);
    for request in [erase, upload(&first_fields(&image, 200))] {
        let mut watch = Watch::running();
        watch.world.board.load(&SECONDARY, &new_image(400_000));
        let end = SECONDARY.size as usize;
        watch.world.board.bytes_mut(&SECONDARY)[end - 4..].fill(0);
        watch.world.board.chips[1].set_erase_again(FOR_EVER);
        let (reply, waited) = patiently(&mut watch, &request);
        assert_eq!(answer(&reply).group_error, Some((1, 13)));
        assert!(waited <= 60_010, "{waited} ms");
        assert_eq!(watch.world.failed, [Error::TIMEOUT]);
        // The chip comes back.
        watch.world.board.power_on();
        watch.world.board.chips[1].set_erase_again(0);
        assert_eq!(upload_all(&mut watch, &image, 2000).off, Some(30_000));
    }
}

// I12
#[test]
fn background_erase_that_never_ends_is_given_up() {
    let mut watch = Watch::running();
    watch.world.board.load(&SECONDARY, &new_image(400_000));
    let reply = watch.request(&packet(WRITE2, 1, 5, &[0xA0])).unwrap();
    assert_eq!(reply[8..], [0xBF, 0xFF]);
    watch.world.board.chips[1].set_erase_again(FOR_EVER);
    let mut wait = 0;
    for _ in 0..10_000 {
        wait = watch.server.step(watch.now, &mut watch.world);
        if wait != 0 {
            break;
        }
        watch.now += 10;
    }
    assert_ne!(wait, 0, "it polls for ever");
    assert_eq!(watch.world.powered.last(), Some(&false));
}
