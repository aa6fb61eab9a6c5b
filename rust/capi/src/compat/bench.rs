//! For tests: simulated chips behind the C callbacks of a port, with a clock that runs as the
//! chips of a watch do, and a watchdog that remembers the longest wait.

use crate::api::smpkit_config;
use crate::compat::{smpkit_compat_init, Board};
use crate::port::*;
use smpkit_core::flash::{layout, Area, Flash};
use smpkit_core::Error;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::{size_of, zeroed};
use std::ptr::{from_ref, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// There is one board for all symbols, so one test at a time.
static ONE: Mutex<()> = Mutex::new(());

pub(crate) const PRIMARY: Area = layout::PINETIME[2];
pub(crate) const SECONDARY: Area = layout::PINETIME[3];

/// The board of one test.
pub(crate) struct Bench {
    rig: Box<Rig>,
    _one: MutexGuard<'static, ()>,
}

/// What the callbacks see.
pub(crate) struct Rig {
    pub(crate) chips: RefCell<smpkit_sim::Board>,
    pub(crate) clock: Cell<u32>,
    fed: Cell<u32>,
    pub(crate) longest: Cell<u32>,
    pub(crate) feeds: Cell<u32>,
    pub(crate) may_start: Cell<i32>,
    /// Bytes of the longest single write and read.
    pub(crate) most: Cell<(u32, u32)>,
    wires: [Cell<(*const Rig, u8)>; 2],
    flash: RefCell<Vec<smpkit_flash>>,
    port: Cell<Option<smpkit_port>>,
    table: RefCell<Vec<smpkit_port>>,
}

impl std::ops::Deref for Bench {
    type Target = Rig;
    fn deref(&self) -> &Rig {
        &self.rig
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        Board::forget();
    }
}

impl Rig {
    /// Time goes by.
    fn spend(&self, ms: u32) {
        self.clock.set(self.clock.get() + ms);
        let waited = self.clock.get() - self.fed.get();
        self.longest.set(self.longest.get().max(waited));
    }
}

unsafe fn wire<'a>(ctx: *mut c_void) -> (&'a Rig, u8) {
    let (rig, device) = unsafe { (*ctx.cast::<Cell<(*const Rig, u8)>>()).get() };
    (unsafe { &*rig }, device)
}

fn result(outcome: Result<(), Error>) -> i32 {
    outcome.map_or_else(|error| error.code(), |()| 0)
}

unsafe extern "C" fn read(ctx: *mut c_void, offset: u32, dst: *mut c_void, len: u32) -> i32 {
    let (rig, device) = unsafe { wire(ctx) };
    rig.spend(len / 256);
    let (write, read) = rig.most.get();
    rig.most.set((write, read.max(len)));
    let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast(), len as usize) };
    result(rig.chips.borrow_mut().read(device, offset, dst))
}

unsafe extern "C" fn write(ctx: *mut c_void, offset: u32, src: *const c_void, len: u32) -> i32 {
    let (rig, device) = unsafe { wire(ctx) };
    rig.spend(3);
    let (write, read) = rig.most.get();
    rig.most.set((write.max(len), read));
    let src = unsafe { std::slice::from_raw_parts(src.cast(), len as usize) };
    result(rig.chips.borrow_mut().write(device, offset, src))
}

unsafe extern "C" fn erase(ctx: *mut c_void, offset: u32, len: u32) -> i32 {
    let (rig, device) = unsafe { wire(ctx) };
    let outcome = rig.chips.borrow_mut().erase(device, offset, len);
    let split = outcome == Err(Error::AGAIN);
    rig.spend(if split { 1 } else { 350 });
    result(outcome)
}

unsafe extern "C" fn now_ms(ctx: *mut c_void) -> u32 {
    unsafe { &*ctx.cast::<Rig>() }.clock.get()
}

unsafe extern "C" fn feed(ctx: *mut c_void) {
    let rig = unsafe { &*ctx.cast::<Rig>() };
    rig.feeds.set(rig.feeds.get() + 1);
    rig.fed.set(rig.clock.get());
}

unsafe extern "C" fn may_start(ctx: *mut c_void, _: u32) -> i32 {
    unsafe { &*ctx.cast::<Rig>() }.may_start.get()
}

unsafe extern "C" fn reset(_: *mut c_void, _: u32) {}

impl Bench {
    /// A board whose symbols have not been started.
    pub(crate) fn cold(chips: smpkit_sim::Board) -> Bench {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Board::forget();
        let nowhere = || Cell::new((std::ptr::null::<Rig>(), 0));
        let rig = Box::new(Rig {
            chips: RefCell::new(chips),
            clock: Cell::new(0),
            fed: Cell::new(0),
            longest: Cell::new(0),
            feeds: Cell::new(0),
            may_start: Cell::new(0),
            most: Cell::new((0, 0)),
            wires: [nowhere(), nowhere()],
            flash: RefCell::default(),
            port: Cell::new(None),
            table: RefCell::default(),
        });
        let bench = Bench { rig, _one: one };
        bench.connect();
        bench
    }

    fn connect(&self) {
        let rig: *const Rig = &*self.rig;
        for (device, wire) in self.wires.iter().enumerate() {
            wire.set((rig, device as u8));
            let geometry = self.chips.borrow().geometry(device as u8).unwrap();
            self.flash.borrow_mut().push(smpkit_flash {
                struct_size: size_of::<smpkit_flash>() as u32,
                flags: if geometry.erased == 0 {
                    SMPKIT_FLASH_ERASED_ZERO
                } else {
                    0
                },
                ctx: from_ref(wire).cast_mut().cast(),
                size: geometry.size,
                write_unit: geometry.write_unit,
                erase_sizes: geometry.erase.map(|erase| smpkit_erase_size {
                    size: erase.size,
                    max_ms: erase.max_ms,
                }),
                read: Some(read),
                write: Some(write),
                erase: Some(erase),
            });
        }
        // SAFETY: all zero is a port without callbacks.
        let mut port: smpkit_port = unsafe { zeroed() };
        port.struct_size = size_of::<smpkit_port>() as u32;
        port.flash_count = 2;
        port.flash = self.flash.borrow().as_ptr();
        port.ctx = rig.cast_mut().cast();
        port.now_ms = Some(now_ms);
        port.reset = Some(reset);
        port.may_start = Some(may_start);
        port.watchdog_feed = Some(feed);
        self.port.set(Some(port));
    }

    /// The port, to be changed by a test.
    pub(crate) fn port(&self) -> smpkit_port {
        self.port.get().unwrap()
    }

    /// A configuration with defaults.
    pub(crate) fn config() -> smpkit_config {
        // SAFETY: all zero is what C would pass.
        let mut config: smpkit_config = unsafe { zeroed() };
        config.struct_size = size_of::<smpkit_config>() as u32;
        config.buffer = null_mut();
        config
    }

    /// Start the symbols.
    pub(crate) fn start_with(&self, port: smpkit_port, config: &smpkit_config) -> i32 {
        let mut table = self.table.borrow_mut();
        table.reserve_exact(1);
        table.push(port);
        unsafe { smpkit_compat_init(table.last().unwrap(), config) }
    }

    /// A board that is ready, with one change to the configuration.
    pub(crate) fn with(chips: smpkit_sim::Board, change: impl FnOnce(&mut smpkit_config)) -> Bench {
        let bench = Bench::cold(chips);
        let mut config = Bench::config();
        change(&mut config);
        assert_eq!(bench.start_with(bench.port(), &config), 0);
        bench
    }

    /// A PineTime that is ready.
    pub(crate) fn pinetime() -> Bench {
        Bench::with(smpkit_sim::Board::pinetime(), |_| {})
    }

    /// The last 48 bytes of an area: the trailer without status.
    pub(crate) fn trailer(&self, area: &Area) -> [u8; 48] {
        *self.chips.borrow().bytes(area).last_chunk().unwrap()
    }

    /// Nothing was asked of the chips that breaks their rules.
    pub(crate) fn assert_clean(&self) {
        let chips = self.chips.borrow();
        assert!(chips.violations().is_empty(), "{:?}", chips.violations());
    }
}

/// The magic of a good trailer.
pub(crate) const MAGIC: [u8; 16] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];

/// The last 48 bytes of a slot.
pub(crate) fn trailer_bytes(magic: bool, image_ok: u8, copy_done: u8, swap_info: u8) -> [u8; 48] {
    let mut bytes = [0xFF; 48];
    if magic {
        bytes[32..].copy_from_slice(&MAGIC);
    }
    (bytes[24], bytes[16], bytes[8]) = (image_ok, copy_done, swap_info);
    bytes
}
