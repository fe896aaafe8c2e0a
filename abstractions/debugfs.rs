// SPDX-License-Identifier: GPL-2.0

//! A directory in debugfs for each network device of a driver.
//!
//! The directory has the name of the device, and holds the file `info`. The driver's notifier calls
//! [`update`]: it creates the directory when the device is registered, renames it with the device,
//! and removes it when the device is unregistered or leaves its namespace. The name of a device
//! outside of the initial namespace is `<name>@<inode of the namespace>`.
//!
//! `kernel::debugfs` cannot rename a directory.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use super::{
    bindings,
    netdevice::{
        Device,
        Event,
        NetDevice,
        Operations, //
    },
    rtnl::{
        Rtnl,
        RtnlCell, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    ffi::{
        c_char,
        c_int,
        c_void, //
    },
    prelude::*,
    seq_file::SeqFile,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

/// Room for the name of a device, `@`, the inode number of a namespace, and a NUL.
const NAME_SIZE: usize = 32;

/// A directory. Dropping it removes it.
///
/// # Invariants
///
/// `entry` is a directory in debugfs, or an error pointer, which debugfs ignores.
pub(crate) struct Dir {
    entry: *mut bindings::dentry,
}

// SAFETY: debugfs has locks of its own.
unsafe impl Send for Dir {}

// SAFETY: As above.
unsafe impl Sync for Dir {}

impl Dir {
    /// Creates a directory at the root of debugfs. Without debugfs it does nothing.
    pub(crate) fn new(name: &'static CStr) -> Self {
        // SAFETY: The name is a C string; without a parent the directory is at the root.
        let entry = unsafe { bindings::muennet_debugfs_dir(name.as_char_ptr(), ptr::null_mut()) };
        // INVARIANT: The function returns a directory or an error pointer.
        Self { entry }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is a directory or an error pointer, and this value owns
        // it. The function waits for readers of the files.
        unsafe { bindings::muennet_debugfs_drop(self.entry) };
    }
}

/// The directory of a device, kept in the data of its driver.
///
/// It holds a reference to the device, so the device holds a reference to itself, until
/// `NETDEV_UNREGISTER` removes the directory.
pub(crate) struct DeviceDir<T: Show> {
    /// Dropped first: the file uses the device, and removing the parent would remove it.
    dir: Dir,
    _parent: Arc<Dir>,
    _dev: ARef<Device<T>>,
}

/// The slot for the directory of a device.
pub(crate) type Slot<T> = RtnlCell<Option<DeviceDir<T>>>;

/// A driver whose devices have a directory.
pub(crate) trait Show: Operations {
    /// Returns the slot for the directory. Each device has its own.
    fn debugfs(&self) -> &Slot<Self>;

    /// Writes the lines of the file `info`. May sleep.
    fn show(dev: &Device<Self>, out: &SeqFile);
}

/// Creates, renames or removes the directory of a device in `parent`, as the event requires.
pub(crate) fn update<T: Show>(dev: &Device<T>, event: Event, parent: &Arc<Dir>, rtnl: &Rtnl) {
    let slot = dev.data().debugfs();
    match event {
        Event::Register => {
            // Before the new one is created, which may have the same name.
            drop(slot.replace(None, rtnl));
            slot.replace(Some(DeviceDir::new(dev, parent)), rtnl);
        }
        Event::ChangeName => {
            let Some(dir) = slot.replace(None, rtnl) else {
                return;
            };
            let name = path(dev);
            // SAFETY: By the type invariant it is a directory or an error pointer, and the name is
            // a C string.
            let renamed = unsafe { bindings::muennet_debugfs_rename(dir.dir.entry, name.as_ptr()) };
            let dir = if renamed == 0 {
                dir
            } else {
                // The old name may become that of another device.
                drop(dir);
                DeviceDir::new(dev, parent)
            };
            slot.replace(Some(dir), rtnl);
        }
        Event::Unregister => drop(slot.replace(None, rtnl)),
        Event::Up | Event::Down | Event::Change | Event::ChangeMtu => {}
    }
}

/// Returns a name of the device that is unique in all namespaces.
fn path(dev: &NetDevice) -> [c_char; NAME_SIZE] {
    let mut name = [0; NAME_SIZE];
    // SAFETY: The device is valid. The function writes at most the given number of bytes, the last
    // of which is a NUL.
    unsafe { bindings::muennet_netdev_path(dev.as_ptr(), name.as_mut_ptr(), NAME_SIZE) };
    name
}

impl<T: Show> DeviceDir<T> {
    fn new(dev: &Device<T>, parent: &Arc<Dir>) -> Self {
        let name = path(dev);
        // SAFETY: The name is a C string, and `parent` is a directory or an error pointer.
        let entry = unsafe { bindings::muennet_debugfs_dir(name.as_ptr(), parent.entry) };
        // SAFETY:
        // - The table is static, and its functions take a device of `T` as the data of the inode.
        // - The value holds a reference to the device, and removes the file before it drops that.
        unsafe {
            bindings::muennet_debugfs_file(
                c"info".as_char_ptr(),
                entry,
                dev.as_ptr().cast(),
                &File::<T>::OPERATIONS.0,
            )
        };
        Self {
            // INVARIANT: The function returns a directory or an error pointer.
            dir: Dir { entry },
            _parent: parent.clone(),
            _dev: dev.into(),
        }
    }
}

/// A table of file operations.
#[repr(transparent)]
struct FileOperations(bindings::file_operations);

struct File<T: Show>(PhantomData<T>);

impl<T: Show> File<T> {
    /// An open file holds the module, so the code of `show` stays while a reader may call it.
    const OPERATIONS: &'static FileOperations = &FileOperations(bindings::file_operations {
        #[cfg(MODULE)]
        owner: (&raw const bindings::__this_module).cast_mut(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    });

    /// # Safety
    ///
    /// The kernel calls it for a file whose inode has a device of `T` as its data.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The inode and the file are valid; `show` takes the data of the inode.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// The kernel calls it for an open file of [`File::open`].
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: The private data of the file are a device of `T`, which is valid until the file
        // is removed; debugfs calls no function afterwards.
        let dev = unsafe { Device::<T>::from_raw((*seq).private.cast()) };
        // SAFETY: The file is valid, and only this thread uses it during the call.
        T::show(dev, unsafe { SeqFile::from_raw(seq) });
        0
    }
}
