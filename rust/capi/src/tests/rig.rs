//! A watch: a kit on simulated chips, with links whose other end a test holds in its hands.

use crate::api::*;
use crate::calls::*;
use crate::compat::bench::{Bench, PRIMARY};
use crate::port::*;
use smpkit_core::image::{Digest, Version};
use smpkit_sim::{image, Board as Chips};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::{size_of, zeroed};
use std::ptr::from_ref;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the callbacks of the port see.
pub(crate) struct Side {
    clock: *const Cell<u32>,
    pub(crate) wakes: AtomicU32,
    pub(crate) resets: RefCell<Vec<u32>>,
    pub(crate) may_start: Cell<i32>,
    pub(crate) authorize: Cell<i32>,
    /// Link context, operation, group and command of each question.
    pub(crate) asked: RefCell<Vec<(usize, u32, u32, u32)>>,
    pub(crate) power: RefCell<Vec<i32>>,
    pub(crate) progress: Cell<(u32, u32)>,
}

unsafe fn side<'s>(ctx: *mut c_void) -> &'s Side {
    unsafe { &*ctx.cast::<Side>() }
}
unsafe extern "C" fn now_ms(ctx: *mut c_void) -> u32 {
    unsafe { (*side(ctx).clock).get() }
}
unsafe extern "C" fn reset(ctx: *mut c_void, mode: u32) {
    unsafe { side(ctx) }.resets.borrow_mut().push(mode);
}
unsafe extern "C" fn may_start(ctx: *mut c_void, _: u32) -> i32 {
    unsafe { side(ctx) }.may_start.get()
}
unsafe extern "C" fn wake(ctx: *mut c_void) {
    unsafe { side(ctx) }.wakes.fetch_add(1, Ordering::Relaxed);
}
unsafe extern "C" fn power_lock(ctx: *mut c_void, on: i32) {
    unsafe { side(ctx) }.power.borrow_mut().push(on);
}
unsafe extern "C" fn progress(ctx: *mut c_void, done: u32, total: u32) {
    unsafe { side(ctx) }.progress.set((done, total));
}
unsafe extern "C" fn authorize(
    ctx: *mut c_void,
    link: *mut c_void,
    op: u32,
    group: u32,
    command: u32,
) -> i32 {
    let side = unsafe { side(ctx) };
    let question = (link as usize, op, group, command);
    side.asked.borrow_mut().push(question);
    side.authorize.get()
}

/// A PineTime with a kit.
pub(crate) struct Watch {
    pub(crate) bench: Bench,
    kit: *mut smpkit,
    pub(crate) side: Box<Side>,
    pub(crate) port: Box<smpkit_port>,
    pub(crate) config: Box<smpkit_config>,
    _buffer: Vec<u8>,
    /// Most bytes read, and most writes and erases, in one poll.
    pub(crate) most_read: Cell<u32>,
    pub(crate) most_operations: Cell<u32>,
}

/// A struct as C would zero it.
pub(crate) fn zero<T>() -> T {
    // SAFETY: used for the structs of the API, for which C does the same.
    unsafe { zeroed() }
}

pub(crate) fn version(major: u8) -> Version {
    Version {
        major,
        ..Version::default()
    }
}

pub(crate) fn file(size: usize) -> Vec<u8> {
    image::build_sized(version(2), 2, size)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.finish()
}

/// The image's own hash, as a plain image ends with it.
pub(crate) fn own_hash(file: &[u8]) -> &[u8] {
    &file[file.len() - 32..]
}

impl Watch {
    /// Everything but the call of smpkit_init().
    pub(crate) fn cold() -> Watch {
        let bench = Bench::cold(Chips::pinetime());
        let running = image::build_sized(version(1), 1, 20_000);
        bench.chips.borrow_mut().load(&PRIMARY, &running);
        let side = Box::new(Side {
            clock: &bench.clock,
            wakes: AtomicU32::new(0),
            resets: RefCell::default(),
            may_start: Cell::new(0),
            authorize: Cell::new(0),
            asked: RefCell::default(),
            power: RefCell::default(),
            progress: Cell::new((0, 0)),
        });
        let mut port = Box::new(bench.port());
        port.ctx = from_ref(&*side).cast_mut().cast();
        port.now_ms = Some(now_ms);
        port.reset = Some(reset);
        port.may_start = Some(may_start);
        port.watchdog_feed = None;
        port.wake = Some(wake);
        port.power_lock = Some(power_lock);
        port.progress = Some(progress);
        port.authorize = Some(authorize);
        let mut buffer = vec![0xA5; SMPKIT_BUFFER_MIN as usize];
        let mut config = Box::new(Bench::config());
        config.buffer = buffer.as_mut_ptr().cast();
        config.buffer_size = SMPKIT_BUFFER_MIN;
        Watch {
            bench,
            // Leaked: C's static storage.
            kit: Box::into_raw(Box::new(zero())),
            side,
            port,
            config,
            _buffer: buffer,
            most_read: Cell::new(0),
            most_operations: Cell::new(0),
        }
    }

    pub(crate) fn init(&mut self) -> i32 {
        unsafe { smpkit_init(self.kit, &*self.port, &*self.config) }
    }

    /// One that runs 1.0.0.
    pub(crate) fn new() -> Watch {
        let mut watch = Watch::cold();
        assert_eq!(watch.init(), 0);
        watch
    }

    /// Start again on the same chips; the links are gone.
    pub(crate) fn restart(&mut self) {
        unsafe { self.kit.write(zero()) };
        assert_eq!(self.init(), 0);
    }

    pub(crate) fn kit(&self) -> *mut smpkit {
        self.kit
    }

    pub(crate) fn wait(&self, ms: u32) {
        self.bench.clock.set(self.bench.clock.get() + ms);
    }

    fn read_bytes(&self) -> u32 {
        let chips = self.bench.chips.borrow();
        chips
            .chips
            .iter()
            .map(|chip| chip.counters().read_bytes)
            .sum()
    }

    /// Writes, erases and reads so far.
    pub(crate) fn flash_calls(&self) -> u32 {
        let chips = self.bench.chips.borrow();
        let reads: u32 = chips.chips.iter().map(|chip| chip.counters().reads).sum();
        reads + chips.operations()
    }

    /// One poll. What it did at most is remembered.
    pub(crate) fn poll(&self) -> i32 {
        let (read, before) = (self.read_bytes(), self.bench.chips.borrow().operations());
        let wait = unsafe { smpkit_poll(self.kit()) };
        let operations = self.bench.chips.borrow().operations() - before;
        self.most_operations
            .set(self.most_operations.get().max(operations));
        self.most_read
            .set(self.most_read.get().max(self.read_bytes() - read));
        wait
    }

    /// Poll until there is nothing to do at once; returns the time to the next call.
    pub(crate) fn run(&self) -> i32 {
        for _ in 0..100_000 {
            let wait = self.poll();
            if wait != 0 {
                return wait;
            }
        }
        panic!("the kit does not come to rest");
    }

    /// Poll as a task would for so many milliseconds.
    pub(crate) fn run_for(&self, ms: u32) {
        let end = self.bench.clock.get() + ms;
        loop {
            let wait = self.run();
            assert!(wait > 0, "smpkit_poll() says {wait}");
            let left = end.saturating_sub(self.bench.clock.get());
            if wait as u32 > left {
                self.wait(left);
                return;
            }
            self.wait(wait as u32);
        }
    }

    /// As a serial link, on which anybody may write.
    pub(crate) fn open_serial(&self, ring: usize) -> Line {
        let line = Line::new(ring, |config| {
            config.required_security = SMPKIT_SECURITY_OPEN;
        });
        assert_eq!(
            unsafe { smpkit_serial_open(self.kit(), line.link(), &line.config) },
            0
        );
        line
    }

    /// A BLE link on which anybody may write, with a ring of 512 bytes.
    pub(crate) fn ble(&self, mtu: u32) -> Line {
        self.open(512, |config| {
            config.mtu = mtu;
            config.required_security = SMPKIT_SECURITY_OPEN;
        })
    }

    pub(crate) fn open(&self, ring: usize, change: impl FnOnce(&mut smpkit_link_config)) -> Line {
        let line = Line::new(ring, change);
        assert_eq!(line.open(self), 0);
        line
    }

    /// Send a request and return the reply to it.
    pub(crate) fn ask(&self, line: &Line, request: &[u8]) -> Vec<u8> {
        let whole = line.config.kind == SMPKIT_LINK_DATAGRAM;
        let most = if whole {
            request.len()
        } else {
            line.config.mtu.max(20) as usize
        };
        for piece in request.chunks(most) {
            assert_eq!(line.rx(piece), 0);
            self.run();
        }
        let replies = line.replies();
        assert_eq!(replies.len(), 1, "replies to {:02x?}", &request[..8]);
        replies[0].clone()
    }

    /// Upload a file from where the watch says; returns the last reply.
    pub(crate) fn upload(&self, line: &Line, file: &[u8], n: usize) -> Vec<u8> {
        self.upload_at_most(line, file, n, 100_000)
    }

    /// The same within so many requests.
    pub(crate) fn upload_at_most(&self, line: &Line, file: &[u8], n: usize, most: u32) -> Vec<u8> {
        let mut reply = self.ask(line, &first(file, n.min(file.len())));
        for _ in 0..most {
            reply = match off(&reply) {
                Some(0) => self.ask(line, &first(file, n.min(file.len()))),
                Some(off) if (off as usize) < file.len() => {
                    self.ask(line, &chunk(file, off as usize, n))
                }
                _ => return reply,
            }
        }
        panic!("the upload does not end");
    }
}

use super::packets::{chunk, first, off};

/// The other end of a link.
pub(crate) struct Line {
    link: *mut smpkit_link,
    pub(crate) wire: Box<Wire>,
    pub(crate) config: smpkit_link_config,
    _ring: Vec<u8>,
}

/// What the callbacks of a link see.
#[derive(Default)]
pub(crate) struct Wire {
    /// Calls of tx that were answered with 0.
    pub(crate) sent: RefCell<Vec<Vec<u8>>>,
    /// Answers of the next calls of tx; 0 behind them.
    pub(crate) verdicts: RefCell<VecDeque<i32>>,
    /// Answer when there is no verdict.
    pub(crate) default: Cell<i32>,
    pub(crate) calls: Cell<u32>,
    pub(crate) security: Cell<u32>,
    pub(crate) security_calls: Cell<u32>,
}

unsafe extern "C" fn tx(ctx: *mut c_void, data: *const c_void, len: u32) -> i32 {
    let wire = unsafe { &*ctx.cast::<Wire>() };
    wire.calls.set(wire.calls.get() + 1);
    let verdict = wire.verdicts.borrow_mut().pop_front();
    let verdict = verdict.unwrap_or(wire.default.get());
    if verdict == 0 {
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len as usize) };
        wire.sent.borrow_mut().push(bytes.to_vec());
    }
    verdict
}

unsafe extern "C" fn security(ctx: *mut c_void) -> u32 {
    let wire = unsafe { &*ctx.cast::<Wire>() };
    wire.security_calls.set(wire.security_calls.get() + 1);
    wire.security.get()
}

impl Line {
    /// Not opened yet.
    pub(crate) fn new(ring: usize, change: impl FnOnce(&mut smpkit_link_config)) -> Line {
        let wire = Box::<Wire>::default();
        let mut ring = vec![0xC3; ring];
        let mut config: smpkit_link_config = zero();
        config.struct_size = size_of::<smpkit_link_config>() as u32;
        config.ctx = from_ref(&*wire).cast_mut().cast();
        config.tx = Some(tx);
        config.security = Some(security);
        config.ring = ring.as_mut_ptr().cast();
        config.ring_size = ring.len() as u32;
        change(&mut config);
        Line {
            link: Box::into_raw(Box::new(zero())),
            wire,
            config,
            _ring: ring,
        }
    }

    pub(crate) fn link(&self) -> *mut smpkit_link {
        self.link
    }

    pub(crate) fn open(&self, watch: &Watch) -> i32 {
        unsafe { smpkit_link_open(watch.kit(), self.link(), &self.config) }
    }

    pub(crate) fn rx(&self, bytes: &[u8]) -> i32 {
        unsafe { smpkit_link_rx(self.link(), bytes.as_ptr().cast(), bytes.len() as u32) }
    }

    pub(crate) fn close(&self) -> i32 {
        unsafe { smpkit_link_close(self.link()) }
    }

    /// What was handed to tx since the last call.
    pub(crate) fn pieces(&self) -> Vec<Vec<u8>> {
        self.wire.sent.take()
    }

    /// The same as whole replies.
    pub(crate) fn replies(&self) -> Vec<Vec<u8>> {
        super::packets::split(&self.pieces().concat())
    }
}
