//! Checks that the firmware itself asks for keep the flash awake as long as they last.

mod server_support;

use server_support::*;
use smpkit_core::image::SwapType;
use smpkit_core::Error;
use smpkit_sim::Fault;

fn loaded(image: &[u8]) -> Watch {
    let mut watch = Watch::running();
    watch.world.board.load(&SECONDARY, image);
    watch
}

/// Until there is an answer; the number of calls it took.
fn schedule(watch: &mut Watch) -> (Result<(), Error>, u32) {
    for calls in 1..1000 {
        match watch.server.schedule_other(&mut watch.world, false) {
            Err(Error::AGAIN) => assert_eq!(watch.world.powered.last(), Some(&true)),
            answer => return (answer, calls),
        }
    }
    panic!("it never ends");
}

#[test]
fn flash_is_powered_while_an_image_is_checked_and_no_longer() {
    let mut watch = loaded(&new_image(60_000));
    let (answer, calls) = schedule(&mut watch);
    assert_eq!(answer, Ok(()));
    assert!(calls > 10, "{calls} calls for 60 KB");
    assert!(watch.world.feeds >= calls);
    assert_eq!(watch.world.powered, [true, false]);
    assert_eq!(watch.slots.swap_type(&mut watch.world), SwapType::Test);
}

#[test]
fn check_that_fails_releases_the_flash() {
    let mut image = new_image(60_000);
    image[30_000] ^= 1;
    let mut watch = loaded(&image);
    assert_eq!(schedule(&mut watch).0, Err(Error::BADIMAGE));
    assert_eq!(watch.world.powered, [true, false]);

    let mut watch = loaded(&new_image(60_000));
    watch.world.board.chips[1].inject(Fault::Read(16));
    assert_eq!(schedule(&mut watch).0, Err(Error::FLASH));
    assert_eq!(watch.world.powered, [true, false]);
    assert_eq!(watch.slots.swap_type(&mut watch.world), SwapType::None);
}
