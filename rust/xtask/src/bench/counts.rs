//! What the counting plugin wrote, by part of the kit.

use crate::modules::{self, Symbol};
use anyhow::{bail, Context, Result};
use std::collections::BTreeMap;

/// Row label of code that is neither the kit nor its libc.
const HARNESS: &str = "(flash driver, harness)";

/// Which part of the work on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From the arrival of the request to its whole reply.
    Request,
    /// What the kit does afterwards, before it is idle.
    Background,
}

/// Bytes of stack.
#[derive(Clone, Debug, Default)]
pub struct Depth {
    /// Calls seen.
    pub calls: u64,
    /// Deepest store by the kit.
    pub kit: u64,
    /// Deepest store, the port's callbacks included.
    pub all: u64,
}

/// All numbers of a run.
#[derive(Debug, Default)]
pub struct Counts {
    begun: BTreeMap<usize, u64>,
    parts: BTreeMap<usize, BTreeMap<String, u64>>,
    /// smpkit_link_rx, smpkit_poll.
    pub stack: Vec<Depth>,
}

impl Counts {
    /// Parse the plugin's lines; `symbols` tells whose address is whose.
    pub fn read(text: &str, symbols: &BTreeMap<u64, Symbol>) -> Result<Counts> {
        let mut counts = Counts::default();
        for line in text.lines() {
            counts
                .line(line, symbols)
                .with_context(|| format!("plugin line {line}"))?;
        }
        if counts.stack.is_empty() {
            bail!("the plugin did not finish");
        }
        Ok(counts)
    }

    fn line(&mut self, line: &str, symbols: &BTreeMap<u64, Symbol>) -> Result<()> {
        let (word, rest) = line.split_once(' ').context("no word")?;
        let numbers: Result<Vec<u64>, _> = rest.split(' ').map(str::parse).collect();
        match (word, numbers?.as_slice()) {
            ("begin", [row, times]) => {
                self.begun.insert(*row as usize, *times);
            }
            ("at", [row, address, count]) => {
                let parts = self.parts.entry(*row as usize).or_default();
                *parts.entry(part(symbols, *address)).or_default() += count;
            }
            ("stack", [_, calls, kit, all]) => self.stack.push(Depth {
                calls: *calls,
                kit: *kit,
                all: *all,
            }),
            _ => bail!("unknown"),
        }
        Ok(())
    }

    /// How many requests of a kind there were.
    pub fn times(&self, kind: usize) -> u64 {
        self.begun
            .get(&row(kind, Phase::Request))
            .copied()
            .unwrap_or(0)
    }

    /// Instructions for one request, by part; the harness has a row of its own.
    pub fn parts(&self, kind: usize, phase: Phase) -> BTreeMap<String, f64> {
        let times = self.times(kind).max(1) as f64;
        let found = self.parts.get(&row(kind, phase)).into_iter().flatten();
        found
            .map(|(name, n)| (name.clone(), *n as f64 / times))
            .collect()
    }

    /// Instructions of the kit and its libc for one request, rounded up.
    pub fn kit(&self, kind: usize, phase: Phase) -> u64 {
        self.sum(kind, phase, |name| name != HARNESS)
    }

    /// Those of libc among them.
    pub fn libc(&self, kind: usize, phase: Phase) -> u64 {
        self.sum(kind, phase, |name| name.starts_with("libc "))
    }

    fn sum(&self, kind: usize, phase: Phase, of: impl Fn(&str) -> bool) -> u64 {
        let parts = self.parts(kind, phase);
        let wanted = parts.iter().filter(|(name, _)| of(name));
        wanted.map(|(_, n)| n).sum::<f64>().ceil() as u64
    }
}

/// As tests/replay/mark.h numbers them.
fn row(kind: usize, phase: Phase) -> usize {
    2 * kind + usize::from(phase == Phase::Background)
}

fn part(symbols: &BTreeMap<u64, Symbol>, address: u64) -> String {
    let owner = symbols.range(..=address).next_back();
    let owner = owner.filter(|(start, symbol)| address < *start + symbol.size.max(2));
    let named = owner.and_then(|(_, symbol)| modules::part(&symbol.name));
    named.unwrap_or_else(|| HARNESS.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str, address: u64) -> (u64, Symbol) {
        let name = name.to_string();
        let one = Symbol {
            name,
            address,
            size: 8,
            in_ram: false,
        };
        (address, one)
    }

    #[test]
    fn instructions_are_averaged_and_given_to_their_owner() {
        let symbols = BTreeMap::from([
            symbol("smpkit_poll", 0x100),
            symbol("memcpy", 0x200),
            symbol("tx", 0x300),
        ]);
        let text = "begin 12 2\nat 12 256 20\nat 12 512 7\nat 12 768 9\nstack 0 2 24 40\n";
        let counts = Counts::read(text, &symbols).unwrap();
        assert_eq!(counts.times(6), 2);
        assert_eq!(counts.kit(6, Phase::Request), 14);
        assert_eq!(counts.libc(6, Phase::Request), 4);
        assert_eq!(counts.kit(6, Phase::Background), 0);
        assert_eq!(counts.stack[0].kit, 24);
    }

    #[test]
    fn a_file_that_was_cut_short_is_refused() {
        assert!(Counts::read("begin 12 2\n", &BTreeMap::new()).is_err());
        assert!(Counts::read("what 1\n", &BTreeMap::new()).is_err());
    }
}
