//! OS group: task and memory pool statistics.

use crate::server::{Host, PoolInfo, TaskInfo};
use crate::smp::{rc, Command, Fail, Reply};
use crate::Error;

/// Keys of the numbers of a task row, in the order of `TaskInfo`.
const TASK_KEYS: [&str; 7] = [
    "prio", "tid", "state", "stkuse", "stksiz", "cswcnt", "runtime",
];
/// Keys of the numbers of a pool row.
const POOL_KEYS: [&str; 4] = ["blksiz", "nblks", "nfree", "min"];

/// Answer one of the two commands.
pub fn statistics<H: Host>(
    host: &mut H,
    command: Command,
    reply: &mut Reply<'_>,
) -> Result<(), Fail> {
    if command == Command::TaskStatistics {
        rows(reply, "tasks", |index, reply| {
            let mut row = TaskInfo::default();
            host.task(index, &mut row)?;
            entry(reply, &row.name, &TASK_KEYS, &row.numbers);
            Ok(())
        })
    } else {
        rows(reply, "mpools", |index, reply| {
            let mut row = PoolInfo::default();
            host.pool(index, &mut row)?;
            entry(reply, &row.name, &POOL_KEYS, &row.numbers);
            Ok(())
        })
    }
}

/// All rows, until there are no more or the reply is full. A board without such statistics says
/// so; one with no rows answers an empty map.
fn rows(
    reply: &mut Reply<'_>,
    key: &str,
    mut row: impl FnMut(u32, &mut Reply<'_>) -> Result<(), Error>,
) -> Result<(), Fail> {
    reply.key_map(key);
    let mut index = 0;
    while reply.fits(1) {
        match row(index, reply) {
            Ok(()) => index += 1,
            Err(Error::NOSYS) => return Err(Fail::smp(rc::NOT_SUPPORTED)),
            Err(_) => break,
        }
    }
    reply.end();
    Ok(())
}

fn entry(reply: &mut Reply<'_>, name: &[u8; 16], keys: &[&str], numbers: &[u32]) {
    let len = name.iter().position(|byte| *byte == 0).unwrap_or(16);
    reply.ascii_key(name.get(..len).unwrap_or_default());
    reply.begin_map();
    for (key, number) in keys.iter().zip(numbers) {
        reply.number(key, *number);
    }
    reply.end();
}
