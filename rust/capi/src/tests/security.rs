//! Who may write (I9): decided for each request, from the link's security at that moment.

use super::packets::*;
use super::rig::*;
use crate::api::*;
use crate::calls::smpkit_serial_open;

const DENIED: Option<u32> = Some(11);
const BOTH: u32 = SMPKIT_SECURITY_ENCRYPTED | SMPKIT_SECURITY_AUTHENTICATED;

fn default_link(watch: &Watch) -> Line {
    watch.open(512, |config| config.mtu = 244)
}

#[test]
fn i9_without_security_a_client_reads_and_echoes_but_does_not_write() {
    let watch = Watch::new();
    let line = default_link(&watch);
    let file = file(20_000);
    let before = watch.bench.chips.borrow().operations();
    for security in [
        0,
        SMPKIT_SECURITY_ENCRYPTED,
        SMPKIT_SECURITY_AUTHENTICATED,
        SMPKIT_SECURITY_BONDED,
    ] {
        line.wire.security.set(security);
        for request in [
            first(&file, 100),
            chunk(&file, 100, 100),
            set_state(own_hash(&file), false),
            set_state(&[], true),
            erase(),
            reset(),
        ] {
            let reply = watch.ask(&line, &request);
            assert_eq!(reply, failed(&request, 11), "{security}");
        }
        assert_eq!(watch.ask(&line, &echo(1, "a")), echoed(1, "a"));
        assert_eq!(rc(&watch.ask(&line, &list())), None);
        assert_eq!(number(&watch.ask(&line, &params()), "buf_size"), Some(4096));
    }
    watch.run_for(1_000);
    assert!(watch.side.resets.borrow().is_empty());
    assert_eq!(watch.bench.chips.borrow().operations(), before);
}

#[test]
fn i9_with_the_bits_an_update_goes_through() {
    let watch = Watch::new();
    let line = default_link(&watch);
    line.wire.security.set(BOTH | SMPKIT_SECURITY_BONDED);
    assert!(matches(&watch.upload(&line, &file(20_000), 200)));
    assert!(
        line.wire.security_calls.get() > 90,
        "asked for every request"
    );
}

#[test]
fn i9_security_that_is_lost_stops_the_update() {
    let watch = Watch::new();
    let line = default_link(&watch);
    let file = file(20_000);
    line.wire.security.set(BOTH);
    assert_eq!(off(&watch.ask(&line, &first(&file, 100))), Some(100));
    assert_eq!(off(&watch.ask(&line, &chunk(&file, 100, 200))), Some(300));
    line.wire.security.set(SMPKIT_SECURITY_ENCRYPTED);
    assert_eq!(rc(&watch.ask(&line, &chunk(&file, 300, 200))), DENIED);
    assert_eq!(watch.ask(&line, &echo(1, "a")), echoed(1, "a"));
    line.wire.security.set(BOTH);
    assert_eq!(off(&watch.ask(&line, &chunk(&file, 300, 200))), Some(500));
    assert!(matches(&watch.upload(&line, &file, 200)));
}

#[test]
fn i9_no_callback_means_no_security() {
    let watch = Watch::new();
    let line = watch.open(512, |config| config.security = None);
    assert_eq!(rc(&watch.ask(&line, &erase())), DENIED);
}

#[test]
fn i9_one_line_opens_a_link_for_anybody() {
    let watch = Watch::new();
    let line = watch.open(512, |config| {
        config.mtu = 244;
        config.security = None;
        config.required_security = SMPKIT_SECURITY_OPEN;
    });
    assert!(matches(&watch.upload(&line, &file(20_000), 200)));
}

#[test]
fn i9_other_bits_can_be_demanded() {
    let watch = Watch::new();
    let line = watch.open(512, |config| {
        config.mtu = 244;
        config.required_security = SMPKIT_SECURITY_BONDED;
    });
    line.wire.security.set(BOTH);
    assert_eq!(rc(&watch.ask(&line, &erase())), DENIED);
    line.wire.security.set(SMPKIT_SECURITY_BONDED);
    assert_eq!(rc(&watch.ask(&line, &erase())), None);
}

#[test]
fn i9_datagram_links_demand_nothing_unless_told() {
    let watch = Watch::new();
    let line = watch.open(512, |config| config.kind = SMPKIT_LINK_DATAGRAM);
    assert_eq!(rc(&watch.ask(&line, &erase())), None);
    let line = watch.open(512, |config| {
        config.kind = SMPKIT_LINK_DATAGRAM;
        config.required_security = SMPKIT_SECURITY_ENCRYPTED;
    });
    assert_eq!(rc(&watch.ask(&line, &erase())), DENIED);
}

#[test]
fn i9_the_port_has_the_last_word() {
    let watch = Watch::new();
    let line = watch.ble(244);
    let context = line.config.ctx as usize;
    watch.ask(&line, &list());
    watch.ask(&line, &erase());
    assert_eq!(
        *watch.side.asked.borrow(),
        [(context, 0, 1, 0), (context, 2, 1, 5)]
    );
    watch.side.authorize.set(-1);
    assert_eq!(rc(&watch.ask(&line, &list())), DENIED);
    assert_eq!(rc(&watch.ask(&line, &erase())), DENIED);
    watch.side.authorize.set(1);
    assert_eq!(rc(&watch.ask(&line, &list())), None);
}

#[test]
fn i9_the_port_is_not_asked_what_the_link_forbids() {
    let watch = Watch::new();
    let line = default_link(&watch);
    watch.ask(&line, &erase());
    assert!(watch.side.asked.borrow().is_empty());
}

#[test]
fn the_port_may_refuse_to_start_an_update() {
    let watch = Watch::new();
    let line = watch.ble(244);
    watch.side.may_start.set(-101);
    let before = watch.bench.chips.borrow().operations();
    assert_eq!(rc(&watch.ask(&line, &first(&file(20_000), 100))), Some(6));
    assert_eq!(watch.bench.chips.borrow().operations(), before);
    watch.side.may_start.set(0);
    assert_eq!(
        off(&watch.ask(&line, &first(&file(20_000), 100))),
        Some(100)
    );
}

#[test]
fn i9_serial_links_demand_nothing_unless_told() {
    for kind in [SMPKIT_LINK_BLE, SMPKIT_LINK_DATAGRAM, 77] {
        let watch = Watch::new();
        let line = Line::new(512, |config| config.kind = kind);
        let open = unsafe { smpkit_serial_open(watch.kit(), line.link(), &line.config) };
        assert_eq!(open, 0, "kind {kind} is not looked at");
        // Confirm the running image, as newtmgr asks for it.
        line.rx(b"\x06\x09ABoCAAAQAAFDAKJkaGFzaPZnY29uZmlybfXtDQ==\n");
        watch.run();
        assert!(line.pieces().len() > 1, "a list of images");
    }
}
