use super::bench::Bench;
use crate::api::smpkit_config;
use crate::port::*;
use std::ptr::null;

fn refused(change: impl FnOnce(&mut smpkit_port, &mut smpkit_config)) -> i32 {
    let bench = Bench::cold(smpkit_sim::Board::pinetime());
    let (mut port, mut config) = (bench.port(), Bench::config());
    change(&mut port, &mut config);
    let code = bench.start_with(port, &config);
    assert_eq!(super::Board::get().is_some(), code == 0);
    code
}

#[test]
fn a_bad_port_or_config_is_refused() {
    assert_eq!(refused(|_, _| {}), 0);
    assert_eq!(refused(|port, _| port.struct_size = 8), SMPKIT_ERR_INVAL);
    assert_eq!(refused(|port, _| port.now_ms = None), SMPKIT_ERR_NOSYS);
    assert_eq!(refused(|port, _| port.flash = null()), SMPKIT_ERR_INVAL);
    assert_eq!(refused(|port, _| port.flash_count = 1), SMPKIT_ERR_LAYOUT);
    assert_eq!(
        refused(|_, config| config.struct_size = 0),
        SMPKIT_ERR_INVAL
    );
    assert_eq!(
        refused(|_, config| config.page_size = 300),
        SMPKIT_ERR_INVAL
    );
    assert_eq!(
        refused(|_, config| config.page_size = 8192),
        SMPKIT_ERR_INVAL
    );
    assert_eq!(refused(|_, config| config.max_align = 12), SMPKIT_ERR_INVAL);
    assert_eq!(refused(|_, config| config.bootloader = 9), SMPKIT_ERR_INVAL);
}

#[test]
fn null_is_refused_and_what_was_set_stays() {
    let bench = Bench::pinetime();
    let config = Bench::config();
    unsafe {
        assert_eq!(super::smpkit_compat_init(null(), &config), SMPKIT_ERR_INVAL);
        assert_eq!(
            super::smpkit_compat_init(&bench.port(), null()),
            SMPKIT_ERR_INVAL
        );
    }
    assert!(super::Board::get().is_some());
}
