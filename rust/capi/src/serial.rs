//! Serial links: console framing in both directions. Reached only through `smpkit_serial_open`, so
//! that a firmware without a serial link does not carry it.

use crate::kit::World;
use crate::link::Link;
use crate::ring::CUT;
use smpkit_core::server::Server;
use smpkit_core::transport::serial::{encode_line, Decoder, Found, LINE_MAX};
use smpkit_core::Error;

/// Bytes of a line stored at once.
const PIECE: usize = 64;
/// Bytes of length and check sum.
const OVERHEAD: usize = 4;

/// smpkit_link_config.kind of an open serial link.
pub(crate) const KIND: u32 = u32::MAX;

/// What a serial link does otherwise.
pub(crate) struct Codec {
    pub(crate) receive: fn(&mut Link, &[u8]) -> Result<(), Error>,
    pub(crate) take: fn(&mut Server<'static>, &mut World, &mut Decoder, u8, &[u8], u32) -> usize,
    /// Input was lost here.
    pub(crate) lost: fn(&mut Server<'static>, &mut World, &mut Decoder, u32),
    pub(crate) transmit: fn(&Link, &[u8], &mut usize) -> Result<(), Error>,
}

pub(crate) static CODEC: Codec = Codec {
    receive,
    take,
    lost,
    transmit,
};

/// Store bytes of a line; a loss shows in the check sum at the latest.
fn receive(link: &mut Link, data: &[u8]) -> Result<(), Error> {
    for piece in data.chunks(PIECE) {
        if let Err(error) = link.ring.push(0, piece) {
            let _ = link.ring.push(CUT, &[]);
            return Err(error);
        }
    }
    Ok(())
}

fn lost(server: &mut Server<'static>, world: &mut World, decoder: &mut Decoder, now: u32) {
    decoder.abort();
    release(server, world, false, now);
}

fn transmit(link: &Link, reply: &[u8], sent: &mut usize) -> Result<(), Error> {
    let mut line = [0; LINE_MAX];
    let (len, count) = encode_line(reply, *sent, &mut line);
    link.put(line.get(..len).unwrap_or_default())?;
    *sent = if count < reply.len() + OVERHEAD {
        count
    } else {
        0
    };
    Ok(())
}

/// Decode until something has to wait. Returns how many bytes were used.
fn take(
    server: &mut Server<'static>,
    world: &mut World,
    decoder: &mut Decoder,
    id: u8,
    bytes: &[u8],
    now: u32,
) -> usize {
    let mut used = 0;
    for byte in bytes {
        used += 1;
        match decoder.byte(*byte) {
            Found::Nothing => {}
            Found::End(_) => release(server, world, false, now),
            Found::Bytes { bytes, len, first } => {
                if first {
                    release(server, world, false, now);
                } else if !server.is_receiving() {
                    // The server has forgotten this packet: its rest is not the next one.
                    decoder.abort();
                    continue;
                }
                let bytes = bytes.get(..usize::from(len)).unwrap_or_default();
                give(server, world, id, bytes, now);
            }
        }
        if let Some(intact) = decoder.end() {
            release(server, world, intact, now);
        }
        if world.is_touched() || !server.listens_to(id) {
            break;
        }
    }
    used
}

fn release(server: &mut Server<'static>, world: &mut World, intact: bool, now: u32) {
    server.release(intact, now, world);
}

/// A page may be programmed in the middle of the three bytes: then the rest goes in at once.
fn give(server: &mut Server<'static>, world: &mut World, id: u8, bytes: &[u8], now: u32) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = server.input(id, rest, true, now, world);
        if n == 0 {
            return;
        }
        rest = rest.get(n..).unwrap_or_default();
    }
}
