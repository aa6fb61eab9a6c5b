//! tests/vectors/upload_200.*: unpacked into what the C program reads.

use crate::workspace;
use anyhow::{bail, ensure, Context, Result};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A request and what a C stack answered.
struct Exchange {
    request: Vec<u8>,
    reply: Vec<u8>,
}

/// Files for tests/replay.
pub struct Blobs {
    /// Flash before the first request.
    pub flash: PathBuf,
    /// Requests and replies, in the form tests/replay/replay.h describes.
    pub trace: PathBuf,
    /// Secondary slot after the last request.
    pub secondary: PathBuf,
}

/// Unpack the recorded upload under target/.
pub fn unpack() -> Result<Blobs> {
    let dir = workspace::out_dir("vectors")?;
    let blobs = Blobs {
        flash: dir.join("flash.bin"),
        trace: dir.join("trace.bin"),
        secondary: dir.join("secondary.bin"),
    };
    workspace::write(&blobs.flash, gunzip("upload_200.flash.gz")?)?;
    workspace::write(&blobs.secondary, gunzip("upload_200.secondary.gz")?)?;
    let text = String::from_utf8(gunzip("upload_200.trace.gz")?)?;
    workspace::write(&blobs.trace, pack(&parse(&text)?)?)?;
    Ok(blobs)
}

fn gunzip(name: &str) -> Result<Vec<u8>> {
    let path = workspace::root().join("tests/vectors").join(name);
    decode(&path).with_context(|| format!("cannot read {}", workspace::show(&path)))
}

fn decode(path: &Path) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut data)?;
    Ok(data)
}

fn parse(text: &str) -> Result<Vec<Exchange>> {
    let mut found: Vec<Exchange> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        exchange(&mut found, line).with_context(|| format!("trace line {}", number + 1))?;
    }
    Ok(found)
}

/// Replies of Zephyr are kept; those of Apache are there for readers.
fn exchange(found: &mut Vec<Exchange>, line: &str) -> Result<()> {
    if let Some(hex) = line.strip_prefix("> ") {
        let request = bytes(hex)?;
        found.push(Exchange {
            request,
            reply: Vec::new(),
        });
    } else if let Some(hex) = line.strip_prefix("< zephyr ") {
        found.last_mut().context("a reply before a request")?.reply = bytes(hex)?;
    } else if !line.starts_with("< apache ") && !line.starts_with('#') {
        bail!("not a packet: {line:.40}");
    }
    Ok(())
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let pair = |two: &[u8]| {
        ensure!(two.len() == 2, "odd number of digits");
        Ok(u8::from_str_radix(std::str::from_utf8(two)?, 16)?)
    };
    hex.as_bytes().chunks(2).map(pair).collect()
}

fn pack(exchanges: &[Exchange]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for one in exchanges {
        out.extend(u16::try_from(one.request.len())?.to_le_bytes());
        out.extend(u16::try_from(one.reply.len())?.to_le_bytes());
        out.extend(&one.request);
        out.extend(&one.reply);
    }
    out.extend([0; 4]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_packed_with_lengths() {
        let text = "# x\n> 0001\n< zephyr 02\n< apache 03\n";
        let packed = pack(&parse(text).unwrap()).unwrap();
        assert_eq!(packed, [2, 0, 1, 0, 0, 1, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = parse("> 00\n< zephyr 0\n").err().unwrap();
        assert!(format!("{error:#}").contains("trace line 2"));
    }

    #[test]
    fn the_recording_is_whole() {
        let text = String::from_utf8(gunzip("upload_200.trace.gz").unwrap()).unwrap();
        let all = parse(&text).unwrap();
        assert_eq!(all.len(), 2060);
        assert!(all.iter().all(|one| one.reply.len() >= 8));
    }
}
