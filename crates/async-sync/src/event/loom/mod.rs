//! The events under every interleaving of two or three threads.

mod auto;
mod manual;
mod notify;
