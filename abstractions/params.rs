// SPDX-License-Identifier: GPL-2.0

//! Module parameters that `module!` cannot express: strings and lists of strings.
//!
//! [`list_param!`] is `module_param_array(name, charp, &count, 0444)`, and [`string_param!`] is
//! `module_param(name, charp, 0444)`, with a name that may be a keyword of Rust. The kernel splits,
//! allocates and frees the strings, and shows them in sysfs.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use super::bindings;
use core::cell::UnsafeCell;
use kernel::{
    ffi::{
        c_char,
        c_uint, //
    },
    prelude::*, //
};

/// The maximum number of entries of a list parameter.
pub(crate) const MAX_ENTRIES: usize = 32;

/// The names that only the macros below use.
#[doc(hidden)]
pub(crate) mod macros {
    pub(crate) use super::super::bindings::{
        kernel_param,
        kernel_param__bindgen_ty_1,
        kparam_array,
        param_array_ops,
        param_ops_charp,
        KERNEL_PARAM_FL_HWPARAM, //
    };

    #[cfg(MODULE)]
    pub(crate) use super::super::bindings::__this_module;
}

/// A list parameter: the value that the user gave, split at commas.
///
/// # Invariants
///
/// The first `count` items are C strings that live as long as the module. Neither the count nor the
/// items change once the module's `init` runs (they are read-only in sysfs).
#[repr(C)]
pub(crate) struct ListParam {
    count: UnsafeCell<c_uint>,
    items: UnsafeCell<[*mut c_char; MAX_ENTRIES]>,
}

// SAFETY: Only the module loader writes it, before the module's `init` and after its `exit`.
unsafe impl Sync for ListParam {}

impl ListParam {
    /// Creates an empty list.
    pub(crate) const fn new() -> Self {
        Self {
            count: UnsafeCell::new(0),
            items: UnsafeCell::new([core::ptr::null_mut(); MAX_ENTRIES]),
        }
    }

    /// Returns where the kernel stores the number of the entries, and the entries.
    #[doc(hidden)]
    pub(crate) const fn storage(&self) -> (*mut c_uint, *mut [*mut c_char; MAX_ENTRIES]) {
        (self.count.get(), self.items.get())
    }

    /// Returns the number of entries that the user gave, 0 to [`MAX_ENTRIES`].
    pub(crate) fn len(&self) -> usize {
        // SAFETY: By the type invariant the count does not change now.
        (unsafe { *self.count.get() } as usize).min(MAX_ENTRIES)
    }

    /// Returns the entry `index`, or `None` past the end.
    pub(crate) fn get(&self, index: usize) -> Option<&CStr> {
        if index >= self.len() {
            return None;
        }
        // SAFETY: By the type invariant the items do not change now; `get` checks the index.
        let item = unsafe { *(*self.items.get()).get(index)? };
        if item.is_null() {
            return None;
        }
        // SAFETY: By the type invariant the item is a C string that does not change.
        Some(unsafe { CStr::from_char_ptr(item) })
    }
}

/// A string parameter.
///
/// # Invariants
///
/// The pointer is a C string that lives as long as the module, and it does not change once the
/// module's `init` runs (it is read-only in sysfs).
#[repr(transparent)]
pub(crate) struct StringParam(UnsafeCell<*mut c_char>);

// SAFETY: Only the module loader writes it, before the module's `init` and after its `exit`.
unsafe impl Sync for StringParam {}

impl StringParam {
    /// Creates a parameter with its default.
    #[expect(
        clippy::disallowed_methods,
        reason = "`as_char_ptr` cannot be called in constants"
    )]
    pub(crate) const fn new(default: &'static CStr) -> Self {
        // INVARIANT: The default is a static C string.
        Self(UnsafeCell::new(default.as_ptr().cast_mut().cast()))
    }

    /// Returns where the kernel stores the string.
    #[doc(hidden)]
    pub(crate) const fn storage(&self) -> *mut *mut c_char {
        self.0.get()
    }

    /// Returns the string that the user gave, or the default.
    pub(crate) fn get(&self) -> &CStr {
        // SAFETY: By the type invariant the pointer does not change now, and it is a C string that
        // lives as long as the module.
        unsafe { CStr::from_char_ptr(*self.0.get()) }
    }
}

/// The `struct kparam_array` of a list, in static memory.
#[doc(hidden)]
#[repr(transparent)]
pub(crate) struct ArrayDescription(pub(crate) bindings::kparam_array);

// SAFETY: It is never written.
unsafe impl Sync for ArrayDescription {}

/// Copies a string into a constant array, for the section `.modinfo`.
#[doc(hidden)]
pub(crate) const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let (text, mut bytes, mut i) = (text.as_bytes(), [0; N], 0);
    while i < N {
        bytes[i] = text[i];
        i += 1;
    }
    bytes
}

/// Declares a list parameter: `module_param_array()`. See the [module documentation](self).
macro_rules! list_param {
    ($module:literal, $static:ident, $name:literal, $description:literal) => {
        static $static: $crate::abstractions::params::ListParam =
            $crate::abstractions::params::ListParam::new();

        const _: () = {
            use $crate::abstractions::params::{self, macros};

            static ARRAY: params::ArrayDescription =
                params::ArrayDescription(macros::kparam_array {
                    max: params::MAX_ENTRIES as u32,
                    elemsize: size_of::<*mut kernel::ffi::c_char>() as u32,
                    num: $static.storage().0,
                    ops: &raw const macros::param_ops_charp,
                    elem: $static.storage().1.cast(),
                });

            params::param!(
                $module,
                $name,
                "array of charp",
                $description,
                0,
                &raw const macros::param_array_ops,
                macros::kernel_param__bindgen_ty_1 {
                    arr: &raw const ARRAY.0,
                }
            );
        };
    };
}
pub(crate) use list_param;

/// Declares a string parameter: `module_param()`. See the [module documentation](self).
///
/// `hardware` before the name marks a parameter that makes the kernel access physical addresses
/// (`KERNEL_PARAM_FL_HWPARAM`). Lockdown forbids users to set it.
macro_rules! string_param {
    (
        $module:literal, hardware $static:ident,
        $name:literal, $default:literal, $description:literal
    ) => {
        $crate::abstractions::params::string_param!(
            @flags macros::KERNEL_PARAM_FL_HWPARAM as u8, $module,
            $static, $name, $default, $description
        );
    };
    ($module:literal, $static:ident, $name:literal, $default:literal, $description:literal) => {
        $crate::abstractions::params::string_param!(
            @flags 0, $module, $static, $name, $default, $description
        );
    };
    (
        @flags $flags:expr, $module:literal, $static:ident,
        $name:literal, $default:literal, $description:literal
    ) => {
        static $static: $crate::abstractions::params::StringParam =
            $crate::abstractions::params::StringParam::new($default);

        const _: () = {
            #[allow(unused_imports, reason = "the flags may need no names")]
            use $crate::abstractions::params::{self, macros};

            params::param!(
                $module,
                $name,
                "charp",
                $description,
                $flags,
                &raw const macros::param_ops_charp,
                macros::kernel_param__bindgen_ty_1 {
                    arg: $static.storage().cast(),
                }
            );
        };
    };
}
pub(crate) use string_param;

/// Declares the version of the module, as `MODULE_VERSION()` does. `modinfo` and
/// `/sys/module/<name>/version` show it.
macro_rules! module_version {
    ($module:literal, $version:literal) => {
        const _: () = {
            #[cfg(MODULE)]
            const VERSION: &str = concat!("version=", $version, "\0");
            #[cfg(not(MODULE))]
            const VERSION: &str = concat!($module, ".version=", $version, "\0");

            #[expect(unsafe_code, reason = "the section's items are strings")]
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static VERSION_INFO: [u8; VERSION.len()] = $crate::abstractions::params::bytes(VERSION);
        };
    };
}
pub(crate) use module_version;

/// Emits the same data as `module_param_cb()` and `MODULE_PARM_DESC()`.
macro_rules! param {
    (
        $module:literal, $name:literal, $type:literal,
        $description:literal, $flags:expr, $ops:expr, $value:expr
    ) => {
        #[cfg(MODULE)]
        const PARAM_NAME: &str = concat!($name, "\0");
        #[cfg(MODULE)]
        const TYPE: &str = concat!("parmtype=", $name, ":", $type, "\0");
        #[cfg(MODULE)]
        const DESCRIPTION: &str = concat!("parm=", $name, ":", $description, "\0");

        // The names of parameters of built-in code begin with the name of the module.
        #[cfg(not(MODULE))]
        const PARAM_NAME: &str = concat!($module, ".", $name, "\0");
        #[cfg(not(MODULE))]
        const TYPE: &str = concat!($module, ".parmtype=", $name, ":", $type, "\0");
        #[cfg(not(MODULE))]
        const DESCRIPTION: &str = concat!($module, ".parm=", $name, ":", $description, "\0");

        #[expect(unsafe_code, reason = "the section's items are strings")]
        #[link_section = ".modinfo"]
        #[used(compiler)]
        static TYPE_INFO: [u8; TYPE.len()] = params::bytes(TYPE);

        #[expect(unsafe_code, reason = "the section's items are strings")]
        #[link_section = ".modinfo"]
        #[used(compiler)]
        static DESCRIPTION_INFO: [u8; DESCRIPTION.len()] = params::bytes(DESCRIPTION);

        #[expect(unsafe_code, reason = "the section's items are `struct kernel_param`")]
        #[link_section = "__param"]
        #[used(compiler)]
        static PARAM: kernel::module_param::KernelParam =
            kernel::module_param::KernelParam::new(macros::kernel_param {
                name: PARAM_NAME.as_ptr().cast(),
                #[cfg(MODULE)]
                mod_: (&raw const macros::__this_module).cast_mut(),
                #[cfg(not(MODULE))]
                mod_: core::ptr::null_mut(),
                ops: $ops,
                perm: 0o444,
                level: -1,
                flags: $flags,
                __bindgen_anon_1: $value,
            });
    };
}
pub(crate) use param;
