//! What the primitives cost, beside the peers' and beside the floor, in the same run.
//!
//! Two programs use this crate. The report (`cargo xtask bench`) runs everything, judges it by the
//! goals and writes tables and charts; criterion (`cargo bench -p benches`) runs the cases of one
//! thread, for who works on one of them. The rooms:
//!
//! - `rows`: what is measured and what is wanted of it, one module for each group. A new row is a
//!   function there that returns a [`Row`](row::Row), and a line in [`rows::all`];
//! - `row`: what a row is, and the goals; `case`: one peer in one situation;
//! - `peers`, `floors`: who takes part, from `conformance`'s adapters, and what nobody can beat;
//! - `measure`: the instruments; `sample`: what they are told and what they say; `alloc`: the
//!   counting allocator;
//! - `run`: child processes in rounds, valgrind, Go; `report`: tables, charts, machine, versions.

pub mod alloc;
pub mod case;
pub mod floors;
pub mod measure;
pub mod peers;
pub mod report;
pub mod row;
pub mod rows;
pub mod run;
pub mod sample;
pub mod stats;
