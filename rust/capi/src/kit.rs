//! The object behind struct smpkit: the server, its port, its links, and the poll loop.

use crate::api::*;
use crate::check;
use crate::host::Devices;
use crate::link::Link;
use crate::port::*;
use crate::ring::CUT;
use core::ffi::{c_char, c_void};
use core::mem::offset_of;
use core::ptr::{addr_of_mut, null_mut};
use smpkit_core::flash::{Flash, Result};
use smpkit_core::group::{datetime, statistics};
use smpkit_core::server::{Config, Datetime, PoolInfo, Server, TaskInfo, IDLE};
use smpkit_core::smp::{Command, Fail, Reply};
use smpkit_core::upload::{Settings, Writer};
use smpkit_core::Error;

/// When the BLE stack has no buffer: time to the next try, and to giving up.
const RETRY_MS: u32 = 5;
const GIVE_UP_MS: u32 = 5_000;
const PARTIAL_MS: u32 = 5_000;
/// Bytes of flash looked at in one poll.
pub(crate) const STEP: u32 = 4096;
/// Links that can be open; the numbers above have a meaning of their own in the core.
const LINKS: u8 = 250;

/// What lies in the words of struct smpkit.
#[repr(C)]
pub(crate) struct Kit {
    world: World,
    pub(crate) server: Server<'static>,
}

/// Port, configuration and links: everything the server's host needs. Small fields come first: they
/// are reached with shorter instructions.
#[repr(C)]
pub(crate) struct World {
    /// The first word: see `check::marked`.
    ready: u32,
    /// A reply was tried to be sent.
    trying: bool,
    pub(crate) devices: Devices,
    pub(crate) config: *const smpkit_config,
    pub(crate) links: *mut Link,
    /// Bytes read in this step. A write or an erase counts as a whole one.
    pub(crate) spent: u32,
    /// When a piece of the reply was last sent, or the first try began.
    stuck_at: u32,
    /// Bytes of the reply that are out.
    sent: usize,
    /// Commands that were enabled. Pointers, so that what is not enabled is not linked.
    pub(crate) datetime: Option<Service>,
    pub(crate) statistics: Option<Service>,
}

pub(crate) type Service =
    fn(&mut World, Command, &[u8], &mut Reply<'_>) -> core::result::Result<(), Fail>;

impl Kit {
    /// Build a kit in place.
    ///
    /// # Safety
    /// `at` has room for a Kit; the other two are as smpkit_init() demands.
    pub(crate) unsafe fn init(
        at: *mut Kit,
        port: *const smpkit_port,
        config: *const smpkit_config,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { check::port(port)? };
        let settings = unsafe { check::checked(config)? };
        let devices = unsafe { Devices::new(port) };
        // Matched by reference: moved out, they would be copied twice.
        let slots = &check::slots(&devices, unsafe { check::areas(settings) }, settings);
        let slots = match slots {
            Ok(slots) => slots,
            Err(error) => return Err(*error),
        };
        let geometry = &devices.geometry(slots.secondary.device);
        // The layout check saw the device.
        let Some(geometry) = geometry else {
            return Err(Error::INVAL);
        };
        let (page, scratch) = unsafe { buffers(settings)? };
        let step_ms = or(settings.erase_step_ms, 500);
        let any_file = settings.flags & SMPKIT_ACCEPT_ANY_FILE != 0;
        let writer_settings = Settings {
            geometry: *geometry,
            step_ms,
            any_file,
        };
        let vectors = settings.flags & SMPKIT_CHECK_VECTORS != 0;
        let server_config = Config {
            bootloader_mode: or(settings.bootloader_mode, 1) as u8,
            frame_size: or(settings.frame_size, 4096),
            frame_count: or(settings.frame_count, 1),
            exec_base: vectors.then_some(settings.exec_base),
            any_file,
        };
        // SAFETY: `at` has room; written field by field, because a Kit on the stack would cost
        // more of it than all the rest of the kit.
        unsafe {
            addr_of_mut!((*at).world).write(World {
                ready: 0,
                trying: false,
                devices,
                config,
                links: null_mut(),
                spent: 0,
                stuck_at: 0,
                sent: 0,
                datetime: None,
                statistics: None,
            });
            addr_of_mut!((*at).server).write(Server::new(
                server_config,
                Writer::new(*slots, writer_settings, page, scratch),
            ));
            (*at).world.ready = check::KIT;
        }
        Ok(())
    }

    /// Whether there is an initialised kit behind a pointer of the caller.
    ///
    /// # Safety
    /// `kit` is NULL or points to a struct smpkit.
    pub(crate) unsafe fn check(kit: *const c_void) -> Result<()> {
        // SAFETY: the words are either zero or hold a Kit; the first one tells which.
        unsafe { check::marked(kit, check::KIT) }
    }

    pub(crate) fn now(&self) -> u32 {
        self.world.now()
    }

    pub(crate) fn port(&self) -> &smpkit_port {
        self.world.port()
    }

    /// The links that are open.
    pub(crate) fn links(&mut self) -> &mut *mut Link {
        &mut self.world.links
    }

    /// A number no link has.
    pub(crate) fn free_id(&self) -> Result<u8> {
        let mut id = 0;
        while self.world.link(id).is_some() {
            id += 1;
            if id == LINKS {
                return Err(Error::NOMEM);
            }
        }
        Ok(id)
    }

    /// A link is closed: take it out of the list and free what it held.
    pub(crate) fn drop_link(&mut self, link: &mut Link) {
        self.world.drop_link(&mut self.server, link);
    }

    pub(crate) fn enable_datetime(&mut self) {
        self.world.datetime = Some(datetime);
    }

    pub(crate) fn enable_statistics(&mut self) {
        self.world.statistics = Some(|world, command, _, reply| statistics(world, command, reply));
    }

    /// Server and host together, for the calls that do flash work themselves.
    pub(crate) fn parts(&mut self) -> (&mut Server<'static>, &mut World) {
        (&mut self.server, &mut self.world)
    }

    /// One step: until a flash operation was done or nothing is left to do.
    pub(crate) fn poll(&mut self) -> u32 {
        self.world.poll(&mut self.server)
    }
}

fn or(value: u32, default: u32) -> u32 {
    if value == 0 {
        default
    } else {
        value
    }
}

/// Cut the work buffer into page and scratch. A page is larger than any write unit that passed
/// `Slots::new`.
///
/// # Safety
/// The buffer has buffer_size bytes and is used by nothing else.
unsafe fn buffers(config: &smpkit_config) -> Result<(&'static mut [u8], &'static mut [u8])> {
    let page = or(config.page_size, 256);
    // Divisors of a power of two are powers of two.
    let sane = page >= 256 && 4096_u32.checked_rem(page) == Some(0);
    if config.buffer.is_null() || !sane {
        return Err(Error::INVAL);
    }
    if config.buffer_size < SMPKIT_BUFFER_MIN - 256 + page || config.buffer_size > 0xFFFF {
        return Err(Error::NOMEM);
    }
    // SAFETY: the caller's promise; page is smaller than the size checked above.
    unsafe {
        let start = config.buffer.cast::<u8>();
        let rest = (config.buffer_size - page) as usize;
        Ok((
            core::slice::from_raw_parts_mut(start, page as usize),
            core::slice::from_raw_parts_mut(start.add(page as usize), rest),
        ))
    }
}

impl World {
    /// See `Kit::poll`. A function of its own: server and world are reached with short
    /// instructions when each has its own pointer.
    #[inline(never)]
    fn poll(&mut self, server: &mut Server<'static>) -> u32 {
        let now = self.now();
        self.spent = 0;
        loop {
            if server.reply().is_some() {
                return self.send(server, now);
            }
            if server.is_working() {
                server.step(now, self);
            } else if server.is_behind() || !self.take_input(server, now) {
                let wait = server.step(now, self);
                return wait.min(self.stale_links(now));
            }
            if self.spent >= STEP {
                return 0;
            }
        }
    }

    /// Hand the next piece of the reply to its link. Returns when to go on: what is done behind
    /// a client's back begins with the next step.
    fn send(&mut self, server: &mut Server<'static>, now: u32) -> u32 {
        let Some((id, reply)) = server.reply() else {
            return 0;
        };
        if !self.trying {
            self.trying = true;
            self.stuck_at = now;
        }
        if let Some(link) = self.link(id) {
            match link.transmit(reply, &mut self.sent) {
                Ok(()) if self.sent != 0 => {
                    self.stuck_at = now;
                    return 0;
                }
                Err(Error::AGAIN) if now.wrapping_sub(self.stuck_at) < GIVE_UP_MS => {
                    return RETRY_MS
                }
                _ => {}
            }
        }
        self.sent = 0;
        self.trying = false;
        server.sent(now);
        0
    }

    /// Give the server the oldest input of the link it listens to. Returns whether there was any.
    fn take_input(&mut self, server: &mut Server<'static>, now: u32) -> bool {
        let mut link = self.links;
        // SAFETY: links in the list are open, see smpkit_link_open and _close.
        while let Some(at) = unsafe { link.as_mut() } {
            if server.listens_to(at.id) && self.take_from(server, at, now) {
                return true;
            }
            link = at.next;
        }
        false
    }

    fn take_from(&mut self, server: &mut Server<'static>, link: &mut Link, now: u32) -> bool {
        if !link.ring.has_chunk() {
            return false;
        }
        link.seen_now(now);
        let bytes = link.ring.peek();
        let used = match link.codec {
            Some(codec) => (codec.take)(server, self, &mut link.decoder, link.id, bytes, now),
            None => server.input(link.id, bytes, false, now, self),
        };
        if let Some(mark) = link.ring.take(used) {
            self.chunk_end(server, link, mark == CUT, now);
        }
        true
    }

    /// The end of a chunk is the end of a datagram, or of what there was room for.
    fn chunk_end(&mut self, server: &mut Server<'static>, link: &mut Link, cut: bool, now: u32) {
        if cut {
            match link.codec {
                Some(codec) => (codec.lost)(server, self, &mut link.decoder, now),
                None => server.overrun(),
            }
        } else if link.is_datagram() {
            server.end_of_datagram();
        }
    }

    /// Look for clients that fell silent in the middle of a packet.
    fn stale_links(&mut self, now: u32) -> u32 {
        let mut wait = IDLE;
        let mut link = self.links;
        // SAFETY: as in take_input.
        while let Some(at) = unsafe { link.as_mut() } {
            if at.watch(now, PARTIAL_MS) {
                wait = PARTIAL_MS;
            }
            link = at.next;
        }
        wait
    }

    /// See `Kit::drop_link`.
    #[inline(never)]
    fn drop_link(&mut self, server: &mut Server<'static>, link: &mut Link) {
        let now = self.now();
        let gone: *mut Link = link;
        let mut at: *mut *mut Link = &mut self.links;
        // SAFETY: the list holds links that were open until now; `link` is one of them.
        unsafe {
            while !(*at).is_null() && *at != gone {
                at = addr_of_mut!((**at).next);
            }
            if !(*at).is_null() {
                *at = link.next;
            }
        }
        server.closed(link.id, now);
        if server.reply().is_none() {
            self.sent = 0;
            self.trying = false;
        }
    }

    /// Whether a flash operation was done in this step.
    pub(crate) fn is_touched(&self) -> bool {
        self.spent >= STEP
    }

    pub(crate) fn port(&self) -> &smpkit_port {
        self.devices.port()
    }

    fn now(&self) -> u32 {
        let port = self.port();
        // SAFETY: a port without it did not pass check::port; plain numbers.
        unsafe { port.now_ms.unwrap_unchecked()(port.ctx) }
    }

    pub(crate) fn config(&self) -> &smpkit_config {
        // SAFETY: checked by init, and the caller keeps it valid.
        unsafe { &*self.config }
    }

    #[inline(never)]
    pub(crate) fn link<'l>(&self, id: u8) -> Option<&'l Link> {
        let mut link = self.links;
        // SAFETY: links in the list are open; they are no part of the kit.
        while let Some(at) = unsafe { link.as_ref() } {
            if at.id == id {
                return Some(at);
            }
            link = at.next;
        }
        None
    }
}

const _: () = {
    use core::mem::{align_of, size_of};
    const POINTER: usize = size_of::<*const c_char>();
    assert!(
        offset_of!(smpkit_config, board)
            == offset_of!(smpkit_config, bootloader_name) + 8 * POINTER
    );
    assert!(size_of::<Kit>() <= size_of::<smpkit>());
    assert!(align_of::<Kit>() <= align_of::<smpkit>());
    assert!(size_of::<Link>() <= size_of::<smpkit_link>());
    assert!(align_of::<Link>() <= align_of::<smpkit_link>());
    assert!(size_of::<Datetime>() == size_of::<smpkit_datetime>());
    assert!(size_of::<TaskInfo>() == size_of::<smpkit_task_info>());
    assert!(size_of::<PoolInfo>() == size_of::<smpkit_pool_info>());
};
