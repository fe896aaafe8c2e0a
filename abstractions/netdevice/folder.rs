// SPDX-License-Identifier: GPL-2.0

//! A folder of debugfs for each network device of a driver.
//!
//! The folder carries the device's name and holds the file `info`. A notifier makes it when a
//! device is registered, renames it with the device, and removes it when the device is
//! unregistered; a move to another network namespace is both of these. A device outside the initial
//! namespace is `<name>@<inode of the namespace>`.
//!
//! C headers: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h),
//! [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use super::{
    ops::Adapter,
    *, //
};
use core::ptr;
use kernel::{
    ffi::{
        c_char,
        c_ulong, //
    },
    seq_file::SeqFile,
    sync::Arc, //
};

const REGISTER: c_ulong = bindings::netdev_cmd_NETDEV_REGISTER as c_ulong;
const CHANGENAME: c_ulong = bindings::netdev_cmd_NETDEV_CHANGENAME as c_ulong;
const UNREGISTER: c_ulong = bindings::netdev_cmd_NETDEV_UNREGISTER as c_ulong;

/// Room for a device's name, `@` and the number of a namespace, and a NUL.
const NAME_SIZE: usize = 32;

/// What a driver tells about a device in its file `info`.
pub(crate) trait Inspect: Operations {
    /// Writes the file's lines. May sleep.
    fn info(dev: &Device<Self>, out: &SeqFile);
}

/// A driver's folder in debugfs.
///
/// # Invariants
///
/// `entry` is a folder of debugfs, or an error pointer, with which debugfs does nothing.
pub(crate) struct Folder {
    entry: *mut bindings::dentry,
}

// SAFETY: Debugfs has locks of its own.
unsafe impl Send for Folder {}

// SAFETY: As above.
unsafe impl Sync for Folder {}

impl Folder {
    /// Makes the folder. Debugfs may be missing, which is no error.
    pub(crate) fn new(name: &'static CStr) -> Self {
        // SAFETY: The name is a C string; without a parent the folder is at the root.
        let entry =
            unsafe { bindings::muennet_debugfs_create_dir(name.as_char_ptr(), ptr::null_mut()) };
        // INVARIANT: That is what the function returns.
        Self { entry }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is a folder, and nobody else removes it.
        unsafe { bindings::muennet_debugfs_remove(self.entry) };
    }
}

/// The folders of all devices with data of type `T`, in one of their driver's.
///
/// # Invariants
///
/// `notifier` is registered. Its callback is `event::<T>`.
#[pin_data(PinnedDrop)]
pub(crate) struct Folders<T: Inspect> {
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
    root: Arc<Folder>,
    _devices: PhantomData<T>,
}

// SAFETY: The notifier chain and debugfs have locks of their own.
unsafe impl<T: Inspect> Send for Folders<T> {}

// SAFETY: There is nothing to do with a shared reference.
unsafe impl<T: Inspect> Sync for Folders<T> {}

impl<T: Inspect> Folders<T> {
    /// Makes a folder in `root` for each of those devices from now on.
    ///
    /// # Errors
    ///
    /// What registering the notifier returns.
    pub(crate) fn new(root: Arc<Folder>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            root,
            notifier <- Opaque::try_ffi_init(move |slot: *mut bindings::notifier_block| {
                let block = bindings::notifier_block {
                    notifier_call: Some(event::<T>),
                    ..Default::default()
                };
                fault::point("folders", ENOMEM)?;
                // SAFETY: `slot` is valid for writes.
                unsafe { slot.write(block) };
                // SAFETY:
                // - The block does not move, and is unregistered before it goes.
                // - The field `root`, which the callback reads, is initialised before this one:
                //   fields are initialised in the order in which they stand here.
                let registered = unsafe { bindings::register_netdevice_notifier(slot) };
                kernel::error::to_result(registered)
            }),
            _devices: PhantomData,
        })
    }
}

#[pinned_drop]
impl<T: Inspect> PinnedDrop for Folders<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the notifier is registered. The callback is told that all
        // devices are gone, and does not run any more when the function returns.
        unsafe { bindings::unregister_netdevice_notifier(self.notifier.get()) };
    }
}

/// # Safety
///
/// C calls it with the notifier of a `Folders<T>` and the information of a network device's event,
/// with the RTNL held.
unsafe extern "C" fn event<T: Inspect>(
    block: *mut bindings::notifier_block,
    event: c_ulong,
    info: *mut c_void,
) -> c_int {
    // SAFETY: `info` is that of a network device's event.
    let dev = unsafe { (*info.cast::<bindings::netdev_notifier_info>()).dev };
    // SAFETY: The device is valid during its event.
    if !unsafe { Adapter::<T>::owns(dev) } {
        return bindings::NOTIFY_DONE as c_int;
    }
    // SAFETY: The block is the field of a `Folders<T>`, as the caller promises.
    let root: &Folder =
        unsafe { &(*kernel::container_of!(Opaque::cast_from(block), Folders<T>, notifier)).root };
    let root = root.entry;
    // SAFETY: The device's operations are those of `T`, so it has a `Private<T>`. The RTNL, which
    // the caller holds, makes this the only user of the field.
    let folder = unsafe { &mut *(*Device::<T>::private(dev)).folder.get() };

    match event {
        // Another `Folders` may be first, and has made one.
        REGISTER if folder.is_null() => {
            // SAFETY: `dev` is a device of `T`, and its folder is removed before it goes.
            *folder = unsafe { make_folder::<T>(dev, root) };
        }
        CHANGENAME => {
            let name = folder_name(dev);
            // SAFETY: `folder` is a folder, null or an error pointer, which debugfs ignores.
            unsafe { bindings::muennet_debugfs_change_name(*folder, name.as_ptr()) };
        }
        UNREGISTER => {
            // SAFETY: As before. The function waits for those who read the file.
            unsafe { bindings::muennet_debugfs_remove(*folder) };
            *folder = ptr::null_mut();
        }
        _ => {}
    }
    bindings::NOTIFY_DONE as c_int
}

fn folder_name(dev: *mut bindings::net_device) -> [c_char; NAME_SIZE] {
    let mut name = [0; NAME_SIZE];
    // SAFETY: The callers' device is valid; the buffer has the size that is given, and a NUL is
    // written at its end at the latest.
    unsafe { bindings::muennet_netdev_path(dev, name.as_mut_ptr(), NAME_SIZE) };
    name
}

/// Makes a device's folder and file.
///
/// # Safety
///
/// `dev` must be a device of `T`, and the folder must be removed before its data go.
unsafe fn make_folder<T: Inspect>(
    dev: *mut bindings::net_device,
    root: *mut bindings::dentry,
) -> *mut bindings::dentry {
    let name = folder_name(dev);
    // SAFETY: The name is a C string, and `root` a folder or an error pointer.
    let folder = unsafe { bindings::muennet_debugfs_create_dir(name.as_ptr(), root) };
    // SAFETY:
    // - The table is static, and its functions take a device of `T` as the inode's data.
    // - Debugfs keeps the functions from running once the file is removed, which is before the
    //   device's data go, as the caller promises.
    unsafe {
        bindings::muennet_debugfs_create_file(
            c"info".as_char_ptr(),
            folder,
            dev.cast(),
            &File::<T>::OPERATIONS.0,
        )
    };
    folder
}

/// A table of file operations.
#[repr(transparent)]
struct FileOperations(bindings::file_operations);

struct File<T: Inspect>(PhantomData<T>);

impl<T: Inspect> File<T> {
    /// An open file keeps the module; the code of `show` stays while somebody may read.
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
    /// C calls it for a file whose inode has a device of `T` as its data.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The inode and the file are valid; `show` takes the inode's data.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// C calls it for an open file of [`File::open`].
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: The file's private data are a device of `T`, which lives while the file is not
        // removed; debugfs calls no function once it is.
        let dev = unsafe { Device::<T>::from_raw((*seq).private.cast()) };
        // SAFETY: The file is valid and this thread's during the call.
        T::info(dev, unsafe { SeqFile::from_raw(seq) });
        0
    }
}
