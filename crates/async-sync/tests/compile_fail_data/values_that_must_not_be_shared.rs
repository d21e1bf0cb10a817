use std::rc::Rc;

use async_sync::{KeyedMutex, Map, Pool};

fn shared<T: Sync>() {}

fn main() {
    shared::<KeyedMutex<Rc<u8>>>();
    shared::<Map<u8, Rc<u8>>>();
    shared::<Pool<Rc<u8>>>();
}
