//! Factories of water and of hydrogen peroxide: atoms are tasks, and leave as whole molecules.
//!
//! A semaphore for each element admits as many atoms as one molecule has; a barrier holds them until
//! the molecule is complete. An atom keeps its permit until then, so no atom of the next molecule can
//! come before: whatever the order in which they start, every three atoms of the output are H, H, O in
//! some order (every four H, H, O, O).
//!
//! Run: `cargo run --release --example h2o`

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_sync::{Barrier, Semaphore};

/// How many atoms of each element a molecule has.
#[derive(Clone, Copy)]
struct Formula {
    name: &'static str,
    hydrogen: usize,
    oxygen: usize,
}

impl Formula {
    const fn atoms(self) -> usize {
        self.hydrogen + self.oxygen
    }
}

const WATER: Formula = Formula {
    name: "H2O",
    hydrogen: 2,
    oxygen: 1,
};
const PEROXIDE: Formula = Formula {
    name: "H2O2",
    hydrogen: 2,
    oxygen: 2,
};

struct Factory {
    hydrogen: Semaphore,
    oxygen: Semaphore,
    complete: Barrier,
    output: Mutex<String>,
}

impl Factory {
    fn new(formula: Formula) -> Self {
        Factory {
            hydrogen: Semaphore::new(formula.hydrogen),
            oxygen: Semaphore::new(formula.oxygen),
            complete: Barrier::new(formula.atoms()),
            output: Mutex::default(),
        }
    }

    async fn hydrogen(&self) {
        self.atom(&self.hydrogen, 'H').await;
    }

    async fn oxygen(&self) {
        self.atom(&self.oxygen, 'O').await;
    }

    async fn atom(&self, places: &Semaphore, symbol: char) {
        let _place = places.acquire().await.expect("never closed");
        self.output.lock().expect("nobody panics").push(symbol);
        self.complete.wait().await.expect("no atom is given up");
    }
}

/// Makes so many molecules, of atoms that start in any order, and returns the atoms as they left.
async fn produce(formula: Formula, molecules: usize) -> String {
    let factory = Arc::new(Factory::new(formula));
    let atoms: Vec<_> = (0..molecules * formula.atoms())
        .map(|n| {
            let factory = Arc::clone(&factory);
            tokio::spawn(async move {
                // Some order that is not that of the molecules.
                tokio::time::sleep(Duration::from_micros((n * 7919 % 1009) as u64 * 10)).await;
                if n < molecules * formula.hydrogen {
                    factory.hydrogen().await;
                } else {
                    factory.oxygen().await;
                }
            })
        })
        .collect();
    for atom in atoms {
        atom.await.expect("an atom does not panic");
    }
    std::mem::take(&mut *factory.output.lock().expect("nobody panics"))
}

/// Whether every molecule has its atoms, and no atom is left.
fn is_pure(output: &str, formula: Formula) -> bool {
    let molecules = output.as_bytes().chunks(formula.atoms());
    molecules.into_iter().all(|molecule| {
        let count = |symbol| molecule.iter().filter(|atom| **atom == symbol).count();
        (count(b'H'), count(b'O')) == (formula.hydrogen, formula.oxygen)
    })
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    const MOLECULES: usize = 100;
    for formula in [WATER, PEROXIDE] {
        let limit = Duration::from_secs(60);
        let Ok(output) = tokio::time::timeout(limit, produce(formula, MOLECULES)).await else {
            eprintln!("{}: the factory stands still", formula.name);
            std::process::exit(1);
        };
        assert_eq!(output.len(), MOLECULES * formula.atoms());
        assert!(is_pure(&output, formula), "{}: {output}", formula.name);
        println!("{}: {MOLECULES} molecules, all pure", formula.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impurities_are_found() {
        assert!(is_pure("HHOHOHOHH", WATER));
        assert!(!is_pure("HHOHHH", WATER));
        assert!(!is_pure("HHHOOO", WATER));
        assert!(!is_pure("HHOH", WATER));
        assert!(is_pure("HOHOOOHH", PEROXIDE));
        assert!(!is_pure("HHOHHOOO", PEROXIDE));
    }
}
