//! A watch on a simulated board: what the server tests talk to.
#![allow(dead_code, missing_docs)]

use smpkit_core::flash::{layout, Area, Flash, Geometry, Result};
use smpkit_core::image::{Bootloader, Slots, Version};
use smpkit_core::server::{Config, Datetime, Host, PoolInfo, Server, TaskInfo, IDLE};
use smpkit_core::smp::{rc, Fail, Header, WRITE};
use smpkit_core::upload::{Settings, Writer};
use smpkit_core::Error;
use smpkit_sim::Board;

pub mod boards;
pub mod client;
pub mod replies;
pub mod shuffle;

pub const PRIMARY: Area = layout::PINETIME[2];
pub const SECONDARY: Area = layout::PINETIME[3];
pub const LIMIT: u32 = 474_704;

pub const fn version(major: u8, minor: u8, revision: u16, build: u32) -> Version {
    Version {
        major,
        minor,
        revision,
        build,
    }
}

/// Everything around the server.
pub struct World {
    pub board: Board,
    pub resets: Vec<u8>,
    pub deny: Option<Fail>,
    /// Links whose security is too low for anything that writes.
    pub open_links: Vec<u8>,
    pub frame_limit: u32,
    pub reset_refused: bool,
    pub start_refused: bool,
    pub powered: Vec<bool>,
    pub progress: Vec<(u32, u32)>,
    pub clock: core::result::Result<Datetime, Error>,
    pub set: Option<Datetime>,
    pub tasks: Option<Vec<TaskInfo>>,
    pub pools: Option<Vec<PoolInfo>>,
    pub feeds: u32,
    pub failed: Vec<Error>,
    /// Flash operations (erase, write) and read bytes since the last step began.
    pub step_operations: u32,
    pub step_read: u32,
    /// Time of a slow chip since the watchdog was fed, and the longest such time, in us.
    pub unfed: u32,
    pub worst_unfed: u32,
    pub identity: [&'static str; 10],
}

impl World {
    pub fn new(board: Board) -> World {
        World {
            board,
            resets: Vec::new(),
            deny: None,
            open_links: Vec::new(),
            frame_limit: u32::MAX,
            reset_refused: false,
            start_refused: false,
            powered: Vec::new(),
            progress: Vec::new(),
            clock: Err(Error::NOSYS),
            set: None,
            tasks: None,
            pools: None,
            feeds: 0,
            failed: Vec::new(),
            step_operations: 0,
            step_read: 0,
            unfed: 0,
            worst_unfed: 0,
            identity: [
                "FreeRTOS",
                "pinetime",
                "11.2.0",
                "smpkit",
                "now",
                "arm",
                "cortex-m4",
                "board",
                "FreeRTOS",
                "MCUboot",
            ],
        }
    }
}

impl World {
    fn spend(&mut self, us: u32) {
        self.unfed += us;
        self.worst_unfed = self.worst_unfed.max(self.unfed);
    }
}

impl Flash for World {
    fn geometry(&self, device: u8) -> Option<Geometry> {
        self.board.geometry(device)
    }
    fn read(&mut self, device: u8, offset: u32, dst: &mut [u8]) -> Result<()> {
        self.step_read += dst.len() as u32;
        self.spend(dst.len() as u32);
        self.board.read(device, offset, dst)
    }
    fn write(&mut self, device: u8, offset: u32, src: &[u8]) -> Result<()> {
        self.step_operations += 1;
        self.spend(3_000);
        self.board.write(device, offset, src)
    }
    fn erase(&mut self, device: u8, offset: u32, len: u32) -> Result<()> {
        self.step_operations += 1;
        self.spend(400_000);
        self.board.erase(device, offset, len)
    }
}

impl Host for World {
    fn permit(&mut self, link: u8, header: &Header) -> core::result::Result<(), Fail> {
        if header.op == WRITE && self.open_links.contains(&link) {
            return Err(Fail::smp(rc::ACCESS_DENIED));
        }
        self.deny.map_or(Ok(()), Err)
    }
    fn frame_limit(&self, _link: u8) -> u32 {
        self.frame_limit
    }
    fn identity(&self, index: u8) -> &str {
        self.identity[usize::from(index)]
    }
    fn reset(&mut self, boot_mode: u8) {
        self.resets.push(boot_mode);
    }
    fn may_reset(&mut self) -> bool {
        !self.reset_refused
    }
    fn may_start(&mut self, _len: u32) -> bool {
        !self.start_refused
    }
    fn power_lock(&mut self, on: bool) {
        self.powered.push(on);
    }
    fn failed(&mut self, error: Error) {
        self.failed.push(error);
    }
    fn feed_watchdog(&mut self) {
        self.feeds += 1;
        self.unfed = 0;
    }
    fn progress(&mut self, done: u32, total: u32) {
        self.progress.push((done, total));
    }
    fn datetime(&mut self) -> Result<Datetime> {
        self.clock
    }
    fn set_datetime(&mut self, time: &Datetime) -> Result<()> {
        self.clock.map(|_| ())?;
        self.set = Some(*time);
        Ok(())
    }
    fn task(&mut self, index: u32, row: &mut TaskInfo) -> Result<()> {
        let rows = self.tasks.as_ref().ok_or(Error::NOSYS)?;
        *row = *rows.get(index as usize).ok_or(Error::NOENT)?;
        Ok(())
    }
    fn pool(&mut self, index: u32, row: &mut PoolInfo) -> Result<()> {
        let rows = self.pools.as_ref().ok_or(Error::NOSYS)?;
        *row = *rows.get(index as usize).ok_or(Error::NOENT)?;
        Ok(())
    }
}

/// Settings of a watch.
#[derive(Clone, Copy)]
pub struct Setup {
    pub areas: &'static [Area],
    pub page: usize,
    pub scratch: usize,
    pub frame_size: u32,
    pub frame_count: u32,
    pub any_file: bool,
    pub exec_base: Option<u32>,
    pub step_ms: u32,
    pub bootloader: Bootloader,
    /// MCUboot's BOOT_MAX_ALIGN.
    pub max_align: u8,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            areas: &layout::PINETIME,
            page: 256,
            scratch: 384,
            frame_size: 4096,
            frame_count: 1,
            any_file: false,
            exec_base: None,
            step_ms: 500,
            bootloader: Bootloader::Current,
            max_align: 8,
        }
    }
}

/// A running watch.
pub struct Watch {
    pub server: Server<'static>,
    pub world: World,
    pub now: u32,
    pub setup: Setup,
    pub slots: Slots,
    /// Largest number of flash operations and of read bytes in one step.
    pub worst_operations: u32,
    pub worst_read: u32,
}

impl Watch {
    pub fn new(board: Board) -> Watch {
        Watch::with(board, Setup::default())
    }

    pub fn with(board: Board, setup: Setup) -> Watch {
        let slots = Slots::new(&board, setup.areas, setup.max_align, setup.bootloader).unwrap();
        let geometry = slots.secondary.geometry(&board).unwrap();
        let config = Config {
            bootloader_mode: 1,
            frame_size: setup.frame_size,
            frame_count: setup.frame_count,
            exec_base: setup.exec_base,
            any_file: setup.any_file,
        };
        let settings = Settings {
            geometry,
            step_ms: setup.step_ms,
            any_file: setup.any_file,
        };
        // Dirty buffers: nothing may depend on what was in them.
        let page = vec![0xA5; setup.page].leak();
        let scratch = vec![0x5A; setup.scratch].leak();
        Watch {
            server: Server::new(config, Writer::new(slots, settings, page, scratch)),
            world: World::new(board),
            now: 1000,
            setup,
            slots,
            worst_operations: 0,
            worst_read: 0,
        }
    }

    /// A PineTime that runs a good image 1.0.0 of 100 KB.
    pub fn running() -> Watch {
        let mut board = Board::pinetime();
        board.load(&PRIMARY, &running_image());
        Watch::new(board)
    }

    /// Lose power and start again on the same flash.
    pub fn reboot(self) -> Watch {
        let mut board = self.world.board;
        board.power_on();
        Watch::with(board, self.setup)
    }

    fn step(&mut self) -> u32 {
        self.world.step_operations = 0;
        self.world.step_read = 0;
        let wait = self.server.step(self.now, &mut self.world);
        self.worst_operations = self.worst_operations.max(self.world.step_operations);
        self.worst_read = self.worst_read.max(self.world.step_read);
        wait
    }

    /// A step at a time when nothing has to be done.
    pub fn idle_step(&mut self) {
        if self.server.reply().is_none() {
            self.step();
        }
    }

    /// Give bytes of a link to the server as a port would, running its steps in between.
    pub fn feed(&mut self, link: u8, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut replies = Vec::new();
        let mut rest = bytes;
        for _ in 0..100_000 {
            if let Some((to, reply)) = self.server.reply() {
                replies.push((to, reply.to_vec()));
                self.server.sent(self.now);
            } else if self.server.is_working() {
                self.step();
            } else if !rest.is_empty() {
                self.world.step_operations = 0;
                let used = self
                    .server
                    .input(link, rest, false, self.now, &mut self.world);
                assert!(self.world.step_operations <= 1);
                rest = &rest[used..];
                if used == 0 {
                    return replies;
                }
            } else {
                return replies;
            }
        }
        panic!("the server does not come to an end");
    }

    /// One whole request on link 1: at most one reply.
    pub fn request(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut replies = self.feed(1, packet);
        assert!(replies.len() <= 1, "{} replies", replies.len());
        replies.pop().map(|(_, reply)| reply)
    }

    /// Run what nobody waits for.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if self.server.reply().is_some() || self.step() != 0 {
                return;
            }
        }
        panic!("background work does not end");
    }

    /// Let time pass, with all steps that fall due.
    pub fn wait(&mut self, ms: u32) {
        let end = self.now + ms;
        for _ in 0..100_000 {
            let wait = self.step();
            if wait >= IDLE || self.now + wait >= end {
                break;
            }
            self.now += wait;
        }
        self.now = end;
        self.step();
    }

    pub fn secondary(&self) -> &[u8] {
        self.world.board.bytes(&self.slots.secondary)
    }

    pub fn primary(&self) -> &[u8] {
        self.world.board.bytes(&self.slots.primary)
    }
}

pub fn running_image() -> Vec<u8> {
    smpkit_sim::image::build_sized(version(1, 0, 0, 0), 11, 100 * 1024)
}

pub fn new_image(len: usize) -> Vec<u8> {
    smpkit_sim::image::build_sized(version(2, 0, 1, 0), 12, len)
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = smpkit_core::image::Digest::new();
    digest.update(bytes);
    digest.finish()
}

/// The image's own hash: the value of its hash TLV.
pub fn image_hash(image: &[u8]) -> [u8; 32] {
    image[image.len() - 32..].try_into().unwrap()
}
