//! Tables and budgets.

/// A budget: what was measured must be below or equal.
pub struct Gate {
    /// What is measured.
    pub what: String,
    /// The number.
    pub is: u64,
    /// The most it may be.
    pub limit: u64,
    /// Where it has to come to, when that is lower: until then `limit` only keeps what was gained.
    pub target: Option<u64>,
}

/// Print rows under a heading, the first column to the left, the others to the right.
pub fn table(heading: &[&str], rows: &[Vec<String>]) {
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| width(heading, rows, column))
        .collect();
    let titles: Vec<String> = heading.iter().map(|title| (*title).to_string()).collect();
    for row in std::iter::once(&titles).chain(rows) {
        println!("    {}", line(row, &widths));
    }
}

fn width(heading: &[&str], rows: &[Vec<String>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column));
    let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
    longest.max(heading.get(column).map_or(0, |title| title.len()))
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        if column == 0 {
            out += &format!("{cell:<width$}");
        } else {
            out += &format!("  {cell:>width$}");
        }
    }
    out.trim_end().to_string()
}

/// Print each budget and fail when one is not met.
pub fn gates(gates: &[Gate]) -> anyhow::Result<()> {
    let mut broken = Vec::new();
    for gate in gates {
        let met = gate.is <= gate.limit;
        let word = if met { "met" } else { "NOT MET" };
        println!(
            "    budget {}: {} of {}, {word}",
            gate.what, gate.is, gate.limit
        );
        if let Some(target) = gate.target.filter(|target| gate.is > *target) {
            println!(
                "    TARGET {target} IS NOT REACHED: {} too many",
                gate.is - target
            );
        }
        if !met {
            broken.push(gate.what.as_str());
        }
    }
    anyhow::ensure!(broken.is_empty(), "over budget: {}", broken.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_not_met_is_an_error() {
        let gate = |is| Gate {
            what: "x".to_string(),
            is,
            limit: 5,
            target: Some(3),
        };
        assert!(gates(&[gate(5)]).is_ok());
        assert!(gates(&[gate(5), gate(6)]).is_err());
    }

    #[test]
    fn columns_line_up() {
        let row = ["ab".to_string(), "7".to_string()];
        assert_eq!(line(&row, &[4, 3]), "ab      7");
    }
}
