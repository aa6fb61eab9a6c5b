//! Wrong arguments: every entry answers with an error and writes nothing.
//!
//! A new entry needs a row in `ROWS`, or in `ELSEWHERE` with the file that tests it: the list is
//! compared with tests/abi/symbols.txt.

use super::rig::{zero, Line, Watch};
use crate::api::*;
use crate::calls::*;
use crate::port::*;
use std::collections::BTreeSet;
use std::ffi::{c_void, CStr};
use std::mem::size_of;
use std::ptr::{null, null_mut};

const INVAL: i32 = SMPKIT_ERR_INVAL;
const NOSYS: i32 = SMPKIT_ERR_NOSYS;
const NOMEM: i32 = SMPKIT_ERR_NOMEM;
const BADSTATE: i32 = SMPKIT_ERR_BADSTATE;

/// What a row is given: a kit that is ready, one that is not, one at an odd address.
struct Bench {
    ready: Watch,
    zero: *mut smpkit,
    odd: *mut smpkit,
    line: Line,
    closed: Line,
    odd_link: *mut smpkit_link,
}

type Case = (&'static str, i32, fn(&mut Bench) -> i32);

/// Name of the entry, and what it answers to what.
#[rustfmt::skip]
const ROWS: &[(&str, &[Case])] = &[
    ("smpkit_init", INIT),
    ("smpkit_check_layout", CHECK_LAYOUT),
    ("smpkit_enable_datetime", &[
        ("NULL", INVAL, |_| unsafe { smpkit_enable_datetime(null_mut()) }),
        ("odd", INVAL, |b| unsafe { smpkit_enable_datetime(b.odd) }),
        ("early", BADSTATE, |b| unsafe { smpkit_enable_datetime(b.zero) }),
    ]),
    ("smpkit_enable_statistics", &[
        ("NULL", INVAL, |_| unsafe { smpkit_enable_statistics(null_mut()) }),
        ("odd", INVAL, |b| unsafe { smpkit_enable_statistics(b.odd) }),
        ("early", BADSTATE, |b| unsafe { smpkit_enable_statistics(b.zero) }),
    ]),
    ("smpkit_poll", &[
        ("NULL", INVAL, |_| unsafe { smpkit_poll(null_mut()) }),
        ("odd", INVAL, |b| unsafe { smpkit_poll(b.odd) }),
        ("early", BADSTATE, |b| unsafe { smpkit_poll(b.zero) }),
    ]),
    ("smpkit_link_open", &[
        ("NULL kit", INVAL, |b| unsafe { smpkit_link_open(null_mut(), b.closed.link(), &b.closed.config) }),
        ("odd kit", INVAL, |b| unsafe { smpkit_link_open(b.odd, b.closed.link(), &b.closed.config) }),
        ("early", BADSTATE, |b| unsafe { smpkit_link_open(b.zero, b.closed.link(), &b.closed.config) }),
        ("NULL link", INVAL, |b| unsafe { smpkit_link_open(b.ready.kit(), null_mut(), &b.closed.config) }),
        ("odd link", INVAL, |b| unsafe { smpkit_link_open(b.ready.kit(), b.odd_link, &b.closed.config) }),
        ("NULL config", INVAL, |b| unsafe { smpkit_link_open(b.ready.kit(), b.closed.link(), null()) }),
        ("open twice", BADSTATE, |b| b.line.open(&b.ready)),
        ("size 0", INVAL, |b| link_with(b, |c| c.struct_size = 0)),
        ("size short", INVAL, |b| link_with(b, |c| c.struct_size -= 1)),
        ("no tx", NOSYS, |b| link_with(b, |c| c.tx = None)),
        ("unknown kind", INVAL, |b| link_with(b, |c| c.kind = 2)),
        ("NULL ring", INVAL, |b| link_with(b, |c| c.ring = null_mut())),
        ("ring 63", NOMEM, |b| link_with(b, |c| c.ring_size = 63)),
        ("ring 0", NOMEM, |b| link_with(b, |c| c.ring_size = 0)),
        ("mtu 7", INVAL, |b| link_with(b, |c| c.mtu = 7)),
        ("mtu 1", INVAL, |b| link_with(b, |c| c.mtu = 1)),
    ]),
    ("smpkit_serial_open", &[
        ("NULL kit", INVAL, |b| unsafe { smpkit_serial_open(null_mut(), b.closed.link(), &b.closed.config) }),
        ("early", BADSTATE, |b| unsafe { smpkit_serial_open(b.zero, b.closed.link(), &b.closed.config) }),
        ("NULL link", INVAL, |b| unsafe { smpkit_serial_open(b.ready.kit(), null_mut(), &b.closed.config) }),
        ("NULL config", INVAL, |b| unsafe { smpkit_serial_open(b.ready.kit(), b.closed.link(), null()) }),
        ("open twice", BADSTATE, |b| unsafe { smpkit_serial_open(b.ready.kit(), b.line.link(), &b.line.config) }),
        ("size short", INVAL, |b| serial_with(b, |c| c.struct_size -= 1)),
        ("no tx", NOSYS, |b| serial_with(b, |c| c.tx = None)),
        ("ring 63", NOMEM, |b| serial_with(b, |c| c.ring_size = 63)),
    ]),
    ("smpkit_link_rx", &[
        ("NULL link", INVAL, |_| unsafe { smpkit_link_rx(null_mut(), [0].as_ptr().cast(), 1) }),
        ("odd link", INVAL, |b| unsafe { smpkit_link_rx(b.odd_link, [0].as_ptr().cast(), 1) }),
        ("NULL data", INVAL, |b| unsafe { smpkit_link_rx(b.line.link(), null(), 1) }),
        ("closed", BADSTATE, |b| b.closed.rx(&[0])),
        ("nothing", 0, |b| unsafe { smpkit_link_rx(b.line.link(), null(), 0) }),
    ]),
    ("smpkit_link_set_mtu", &[
        ("NULL", INVAL, |_| unsafe { smpkit_link_set_mtu(null_mut(), 20) }),
        ("odd", INVAL, |b| unsafe { smpkit_link_set_mtu(b.odd_link, 20) }),
        ("closed", BADSTATE, |b| unsafe { smpkit_link_set_mtu(b.closed.link(), 20) }),
        ("mtu 7", INVAL, |b| unsafe { smpkit_link_set_mtu(b.line.link(), 7) }),
        ("mtu 0", INVAL, |b| unsafe { smpkit_link_set_mtu(b.line.link(), 0) }),
    ]),
    ("smpkit_link_close", &[
        ("NULL", INVAL, |_| unsafe { smpkit_link_close(null_mut()) }),
        ("odd", INVAL, |b| unsafe { smpkit_link_close(b.odd_link) }),
        ("closed", BADSTATE, |b| b.closed.close()),
    ]),
    ("smpkit_image_status", &[
        ("NULL kit", INVAL, |_| status(null_mut())),
        ("odd kit", INVAL, |b| status(b.odd)),
        ("early", BADSTATE, |b| status(b.zero)),
        ("NULL out", INVAL, |b| unsafe { smpkit_image_status(b.ready.kit(), null_mut()) }),
        ("odd out", INVAL, |b| unsafe { smpkit_image_status(b.ready.kit(), b.odd.cast()) }),
    ]),
    ("smpkit_confirm", &[
        ("NULL", INVAL, |_| unsafe { smpkit_confirm(null_mut()) }),
        ("odd", INVAL, |b| unsafe { smpkit_confirm(b.odd) }),
        ("early", BADSTATE, |b| unsafe { smpkit_confirm(b.zero) }),
    ]),
    ("smpkit_request_rollback", &[
        ("NULL", INVAL, |_| unsafe { smpkit_request_rollback(null_mut()) }),
        ("early", BADSTATE, |b| unsafe { smpkit_request_rollback(b.zero) }),
        ("empty slot", SMPKIT_ERR_NOENT, |b| unsafe { smpkit_request_rollback(b.ready.kit()) }),
    ]),
    ("smpkit_schedule", &[
        ("NULL", INVAL, |_| unsafe { smpkit_schedule(null_mut(), 0) }),
        ("early", BADSTATE, |b| unsafe { smpkit_schedule(b.zero, 0) }),
        ("empty slot", SMPKIT_ERR_NOENT, |b| unsafe { smpkit_schedule(b.ready.kit(), 1) }),
    ]),
    ("smpkit_writer_begin", &[
        ("NULL", INVAL, |_| unsafe { smpkit_writer_begin(null_mut(), 1000, null()) }),
        ("early", BADSTATE, |b| unsafe { smpkit_writer_begin(b.zero, 1000, null()) }),
        ("nothing", INVAL, |b| unsafe { smpkit_writer_begin(b.ready.kit(), 0, null()) }),
        ("no header", INVAL, |b| unsafe { smpkit_writer_begin(b.ready.kit(), 31, null()) }),
        ("too big", SMPKIT_ERR_TOOBIG, |b| unsafe { smpkit_writer_begin(b.ready.kit(), 474_705, null()) }),
        ("far too big", SMPKIT_ERR_TOOBIG, |b| unsafe { smpkit_writer_begin(b.ready.kit(), u32::MAX, null()) }),
    ]),
    ("smpkit_writer_write", &[
        ("NULL kit", INVAL, |_| write(null_mut(), [0; 32].as_ptr(), 32)),
        ("early", BADSTATE, |b| write(b.zero, [0; 32].as_ptr(), 32)),
        ("NULL data", INVAL, |b| write(b.ready.kit(), null(), 32)),
        ("nothing", INVAL, |b| write(b.ready.kit(), [0; 32].as_ptr(), 0)),
        ("no session", BADSTATE, |b| write(b.ready.kit(), [0; 32].as_ptr(), 32)),
    ]),
    ("smpkit_writer_finish", &[
        ("NULL", INVAL, |_| unsafe { smpkit_writer_finish(null_mut()) }),
        ("early", BADSTATE, |b| unsafe { smpkit_writer_finish(b.zero) }),
        ("no session", BADSTATE, |b| unsafe { smpkit_writer_finish(b.ready.kit()) }),
    ]),
    ("smpkit_writer_abort", &[
        ("NULL", INVAL, |_| unsafe { smpkit_writer_abort(null_mut()) }),
        ("early", BADSTATE, |b| unsafe { smpkit_writer_abort(b.zero) }),
    ]),
    ("smpkit_error_text", &[
        ("unknown", 0, |_| i32::from(smpkit_error_text(-77).is_null())),
        ("lowest", 0, |_| i32::from(smpkit_error_text(i32::MIN).is_null())),
    ]),
    ("smpkit_compat_init", COMPAT_INIT),
];

/// Entries whose wrong arguments are tested beside their code.
const ELSEWHERE: &[(&str, &str)] = &[
    ("boot_", "bootutil/tests.rs"),
    ("flash_area_", "flash_map/tests.rs"),
    ("flash_map", "flash_map/tests/in_mynewt.rs"),
    ("img_mgmt_impl_", "img_mgmt/tests.rs"),
    ("smpkit_img_mgmt_init", "img_mgmt/tests.rs"),
];

#[rustfmt::skip]
const INIT: &[Case] = &[
    ("NULL kit", INVAL, |b| unsafe { smpkit_init(null_mut(), &*b.ready.port, &*b.ready.config) }),
    ("odd kit", INVAL, |b| unsafe { smpkit_init(b.odd, &*b.ready.port, &*b.ready.config) }),
    ("NULL port", INVAL, |b| unsafe { smpkit_init(b.zero, null(), &*b.ready.config) }),
    ("odd port", INVAL, |b| unsafe { smpkit_init(b.zero, b.odd.cast(), &*b.ready.config) }),
    ("NULL config", INVAL, |b| unsafe { smpkit_init(b.zero, &*b.ready.port, null()) }),
    ("port size 0", INVAL, |b| init_with(b, |p, _| p.struct_size = 0)),
    ("port size short", INVAL, |b| init_with(b, |p, _| p.struct_size -= 1)),
    ("config size 0", INVAL, |b| init_with(b, |_, c| c.struct_size = 0)),
    ("config size short", INVAL, |b| init_with(b, |_, c| c.struct_size -= 1)),
    ("no flash", INVAL, |b| init_with(b, |p, _| p.flash = null())),
    ("flash_count 0", INVAL, |b| init_with(b, |p, _| p.flash_count = 0)),
    ("flash_count 256", INVAL, |b| init_with(b, |p, _| p.flash_count = 256)),
    ("flash_count 1", SMPKIT_ERR_LAYOUT, |b| init_with(b, |p, _| p.flash_count = 1)),
    ("no now_ms", NOSYS, |b| init_with(b, |p, _| p.now_ms = None)),
    ("no reset", NOSYS, |b| init_with(b, |p, _| p.reset = None)),
    ("no read", NOSYS, |b| flash_with(b, |f| f.read = None)),
    ("no write", NOSYS, |b| flash_with(b, |f| f.write = None)),
    ("no erase", NOSYS, |b| flash_with(b, |f| f.erase = None)),
    ("flash size 0", INVAL, |b| flash_with(b, |f| f.struct_size = 0)),
    ("flash size short", INVAL, |b| flash_with(b, |f| f.struct_size -= 1)),
    ("write unit 3", SMPKIT_ERR_LAYOUT, |b| flash_with(b, |f| f.write_unit = 3)),
    ("write unit 64", SMPKIT_ERR_LAYOUT, |b| flash_with(b, |f| f.write_unit = 64)),
    ("no sector", SMPKIT_ERR_LAYOUT, |b| flash_with(b, |f| f.erase_sizes = [NO_ERASE; 3])),
    ("unknown bootloader", INVAL, |b| init_with(b, |_, c| c.bootloader = 2)),
    ("max_align 12", INVAL, |b| init_with(b, |_, c| c.max_align = 12)),
    ("max_align 64", INVAL, |b| init_with(b, |_, c| c.max_align = 64)),
    ("NULL buffer", INVAL, |b| init_with(b, |_, c| c.buffer = null_mut())),
    ("buffer 639", NOMEM, |b| init_with(b, |_, c| c.buffer_size = 639)),
    ("buffer 0", NOMEM, |b| init_with(b, |_, c| c.buffer_size = 0)),
    ("page without room", NOMEM, |b| init_with(b, |_, c| c.page_size = 512)),
    ("page 300", INVAL, |b| init_with(b, |_, c| c.page_size = 300)),
    ("page 128", INVAL, |b| init_with(b, |_, c| c.page_size = 128)),
    ("page 8192", INVAL, |b| init_with(b, |_, c| c.page_size = 8192)),
    ("no areas", SMPKIT_ERR_LAYOUT, |b| init_with(b, |_, c| c.areas = AREA.as_ptr())),
];

#[rustfmt::skip]
const CHECK_LAYOUT: &[Case] = &[
    ("NULL port", INVAL, |b| checked(b, |port, _| *port = null())),
    ("NULL config", INVAL, |b| checked(b, |_, config| *config = null())),
    ("NULL out", INVAL, |b| unsafe {
        smpkit_check_layout(&*b.ready.port, &*b.ready.config, null_mut())
    }),
    ("odd out", INVAL, |b| unsafe {
        smpkit_check_layout(&*b.ready.port, &*b.ready.config, b.odd.cast())
    }),
    ("no now_ms", NOSYS, |b| {
        let mut port = *b.ready.port;
        port.now_ms = None;
        checked(b, |at, _| *at = &port)
    }),
];

#[rustfmt::skip]
const COMPAT_INIT: &[Case] = &[
    ("NULL port", INVAL, |b| compat(null(), &*b.ready.config)),
    ("NULL config", INVAL, |b| compat(&*b.ready.port, null())),
    ("odd port", INVAL, |b| compat(b.odd.cast(), &*b.ready.config)),
    ("page 300", INVAL, |b| {
        let mut config = *b.ready.config;
        config.page_size = 300;
        compat(&*b.ready.port, &config)
    }),
];

const NO_ERASE: smpkit_erase_size = smpkit_erase_size { size: 0, max_ms: 0 };
const AREA: [smpkit_area; 1] = [smpkit_area {
    id: 0,
    device: 0,
    reserved: 0,
    offset: 0,
    size: 4096,
}];

fn compat(port: *const smpkit_port, config: *const smpkit_config) -> i32 {
    unsafe { crate::compat::smpkit_compat_init(port, config) }
}

/// A link that could not be opened stays closed.
fn link_with(b: &mut Bench, change: fn(&mut smpkit_link_config)) -> i32 {
    let mut config = b.closed.config;
    change(&mut config);
    let code = unsafe { smpkit_link_open(b.ready.kit(), b.closed.link(), &config) };
    assert_eq!(b.closed.close(), BADSTATE);
    code
}

fn serial_with(b: &mut Bench, change: fn(&mut smpkit_link_config)) -> i32 {
    let mut config = b.closed.config;
    change(&mut config);
    let code = unsafe { smpkit_serial_open(b.ready.kit(), b.closed.link(), &config) };
    assert_eq!(b.closed.close(), BADSTATE);
    code
}

/// A kit that could not be initialised stays as it was.
fn init_with(b: &mut Bench, change: fn(&mut smpkit_port, &mut smpkit_config)) -> i32 {
    let (mut port, mut config) = (*b.ready.port, *b.ready.config);
    change(&mut port, &mut config);
    let code = unsafe { smpkit_init(b.zero, &port, &config) };
    assert_eq!(unsafe { smpkit_poll(b.zero) }, BADSTATE);
    code
}

/// The second of two devices is changed.
fn flash_with(b: &mut Bench, change: fn(&mut smpkit_flash)) -> i32 {
    let mut port = *b.ready.port;
    let mut flash = unsafe { [port.flash.read(), port.flash.add(1).read()] };
    change(&mut flash[1]);
    port.flash = flash.as_ptr();
    let code = unsafe { smpkit_init(b.zero, &port, &*b.ready.config) };
    assert_eq!(unsafe { smpkit_poll(b.zero) }, BADSTATE);
    code
}

fn checked(
    b: &mut Bench,
    change: impl FnOnce(&mut *const smpkit_port, &mut *const smpkit_config),
) -> i32 {
    let (mut port, mut config) = (&raw const *b.ready.port, &raw const *b.ready.config);
    change(&mut port, &mut config);
    untouched(|out| unsafe { smpkit_check_layout(port, config, out) })
}

fn status(kit: *mut smpkit) -> i32 {
    untouched(|out| unsafe { smpkit_image_status(kit, out) })
}

/// Outputs are written only on success.
fn untouched<T>(call: impl FnOnce(*mut T) -> i32) -> i32 {
    const MARK: u8 = 0xD7;
    let mut out = Box::<T>::new_uninit();
    unsafe { out.as_mut_ptr().write_bytes(MARK, 1) };
    let code = call(out.as_mut_ptr());
    let bytes = unsafe { std::slice::from_raw_parts(out.as_ptr().cast::<u8>(), size_of::<T>()) };
    assert!(bytes.iter().all(|byte| *byte == MARK), "output was written");
    code
}

fn write(kit: *mut smpkit, data: *const u8, len: u32) -> i32 {
    let data: *const c_void = data.cast();
    unsafe { smpkit_writer_write(kit, 0, data, len, None, null_mut()) }
}

#[test]
fn wrong_arguments_are_errors_everywhere() {
    let ready = Watch::new();
    let line = ready.ble(20);
    let room = Box::leak(Box::new([0usize; SMPKIT_WORDS + 1]));
    let odd = unsafe { room.as_mut_ptr().cast::<u8>().add(1) };
    let mut bench = Bench {
        line,
        closed: Line::new(512, |_| {}),
        zero: Box::into_raw(Box::new(zero())),
        odd: odd.cast(),
        odd_link: odd.cast(),
        ready,
    };
    for (entry, cases) in ROWS {
        for (what, code, call) in *cases {
            assert_eq!(call(&mut bench), *code, "{entry}: {what}");
        }
    }
    assert!(room.iter().all(|word| *word == 0));
    assert_eq!(bench.ready.bench.chips.borrow().operations(), 0);
    // What was ready still works.
    let said = super::packets::echo(1, "hi");
    assert_eq!(
        bench.ready.ask(&bench.line, &said),
        super::packets::echoed(1, "hi")
    );
}

#[test]
fn every_symbol_has_a_row() {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/abi/symbols.txt");
    let list = std::fs::read_to_string(list).unwrap();
    let listed: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let rows: BTreeSet<&str> = ROWS.iter().map(|(entry, _)| *entry).collect();
    let elsewhere = |symbol: &str| ELSEWHERE.iter().any(|(start, _)| symbol.starts_with(start));
    for symbol in &listed {
        assert!(
            rows.contains(symbol) != elsewhere(symbol),
            "{symbol} is not tested"
        );
    }
    for row in &rows {
        assert!(listed.contains(row), "{row} is no symbol");
    }
    for (_, file) in ELSEWHERE {
        let path = format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"));
        assert!(std::fs::exists(&path).unwrap(), "{file}");
    }
}

#[test]
fn every_error_has_a_text_of_its_own() {
    let text = |code| unsafe { CStr::from_ptr(smpkit_error_text(code)) };
    assert_eq!(text(0), c"success");
    assert_eq!(text(7), c"success");
    let own: BTreeSet<&CStr> = (-16..0).map(text).collect();
    assert_eq!(own.len(), 16);
    assert!(!own.contains(text(-17)));
    assert_eq!(text(-100), text(-1234));
}
