// SPDX-License-Identifier: GPL-2.0

//! Asynchronous calls of functions on other CPUs.
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

use super::bindings;
use kernel::{
    cpu::CpuId,
    error::to_result,
    ffi::{
        c_int,
        c_void, //
    },
    prelude::*,
    sync::atomic::{
        ordering::{
            Acquire,
            Full,
            Relaxed,
            Release, //
        },
        Atomic,
        AtomicFlag, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque, //
};

/// A function that another CPU runs.
pub(crate) trait Function: Send + Sync + 'static {
    /// Runs on the CPU that was called, with interrupts off: in hard interrupt context or, if the
    /// CPU calls itself, in the caller, before [`AsyncCall::call`] returns.
    fn run(&self);
}

/// A `call_single_data_t`: a `struct __call_single_data` that is aligned to its size.
#[repr(C, align(32))]
struct Data(bindings::call_single_data_t);

const _: () = assert!(align_of::<Data>() >= bindings::CALL_SINGLE_DATA_ALIGN);

/// A call of a function on one CPU. A call is merged with the previous one if that has not begun to
/// run.
///
/// # Invariants
///
/// - `data` holds `run` and a pointer to this value.
/// - While `pending` is clear, nothing uses `data`. The caller that sets `pending` owns `data`
///   until it passes `data` to the kernel or clears the flag. The kernel owns `data` until it calls
///   `run`, which clears the flag.
/// - `running` is the number of calls that were passed to the kernel and whose `run` has not ended.
#[pin_data(PinnedDrop)]
pub(crate) struct AsyncCall<F: Function> {
    #[pin]
    data: Opaque<Data>,
    pending: AtomicFlag,
    running: Atomic<i32>,
    cpu: CpuId,
    function: F,
}

// SAFETY: The call is not tied to a task, and `F: Send`.
unsafe impl<F: Function> Send for AsyncCall<F> {}

// SAFETY: By the type invariants `pending` gives exclusive access to `data`, and `F: Sync`.
unsafe impl<F: Function> Sync for AsyncCall<F> {}

impl<F: Function> AsyncCall<F> {
    /// Prepares calls of `function` on `cpu`.
    pub(crate) fn new(cpu: CpuId, function: F) -> impl PinInit<Self> {
        // INVARIANT: The function and the pointer are written here, and stay valid because the
        // value is pinned. No call is pending, and none runs.
        pin_init!(&this in Self {
            data <- Opaque::ffi_init(|data: *mut Data| {
                let new = bindings::call_single_data_t {
                    func: Some(Self::run),
                    info: this.as_ptr().cast(),
                    ..pin_init::zeroed()
                };
                // SAFETY: The slot is valid for writes, and nothing else uses it yet.
                unsafe { data.write(Data(new)) }
            }),
            pending: AtomicFlag::new(false),
            running: Atomic::new(0),
            cpu,
            function,
        })
    }

    /// Returns the CPU that is called.
    #[inline]
    pub(crate) fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// Returns the function.
    #[inline]
    pub(crate) fn function(&self) -> &F {
        &self.function
    }

    /// Calls the CPU: `smp_call_function_single_async()`. The function sees everything that was
    /// written before. Does not wait. If this is the CPU that is called, the function runs at once,
    /// with interrupts off: the caller must not hold a lock that the function takes.
    ///
    /// Returns `true` if a call was sent, and `false` if it was merged with one that has not begun
    /// to run.
    ///
    /// Any context except NMIs, in which the kernel warns.
    ///
    /// # Errors
    ///
    /// - `ENXIO`: the CPU is offline.
    pub(crate) fn call(&self) -> Result<bool> {
        // No other task runs on this CPU between setting the flag and sending the call: it would
        // merge its call with one that has not been sent.
        // SAFETY: Preemption is enabled again below.
        unsafe { bindings::muennet_preempt_disable() };
        let sent = self.call_without_preemption();
        // SAFETY: Preemption was disabled above.
        unsafe { bindings::muennet_preempt_enable() };
        sent
    }

    fn call_without_preemption(&self) -> Result<bool> {
        // SAFETY: The function reads a mask. A `CpuId` is a valid number of a CPU.
        if !unsafe { bindings::muennet_cpu_online(self.cpu.as_u32()) } {
            return Err(ENXIO);
        }
        // Pairs with the exchange in `run`: the call that clears the flag sees what was written
        // before.
        if self.pending.xchg(true, Full) {
            return Ok(false);
        }
        // INVARIANT: The call is counted before it is passed to the kernel, as it may end at once.
        self.running.fetch_add(1, Relaxed);
        // The C type of CPU numbers is `int`.
        let cpu = self.cpu.as_u32() as c_int;
        // SAFETY:
        // - This function has set the flag. Hence by the type invariants nothing else uses `data`,
        //   which is initialised.
        // - `data` and the fields that `run` uses live until `run` has ended: `drop` waits for it.
        // - The function accepts any number, and returns `ENXIO` for a CPU that is not online.
        let error =
            unsafe { bindings::smp_call_function_single_async(cpu, self.data.get().cast()) };
        to_result(error).inspect_err(|_| {
            // INVARIANT: The kernel has not taken `data`.
            self.running.fetch_add(-1, Relaxed);
            self.pending.store(false, Release);
        })?;
        Ok(true)
    }

    /// # Safety
    ///
    /// The kernel calls it with the pointer that `data` holds, once for each call that was sent,
    /// and no longer uses `data` by then.
    unsafe extern "C" fn run(this: *mut c_void) {
        // SAFETY: The pointer is valid and points to a value of this type. `drop` waits for the end
        // of this function. Until then `drop` has a reference to the pinned value, and only reads
        // atomics of it.
        let this = unsafe { &*this.cast::<Self>() };
        // Clear the flag before the function runs: a caller that finds it set relies on a function
        // that has not begun.
        this.pending.xchg(false, Full);
        this.function.run();
        // INVARIANT: This call ends here. The value may be freed after the next line, but the code
        // of this function remains valid: a module is freed after an RCU grace period, which waits
        // for code that runs with interrupts off.
        this.running.fetch_add(-1, Release);
    }
}

#[pinned_drop]
impl<F: Function> PinnedDrop for AsyncCall<F> {
    fn drop(self: Pin<&mut Self>) {
        // No new calls are made: this is the only reference. A CPU runs the pending calls before it
        // goes offline.
        while self.running.load(Acquire) != 0 {
            fsleep(Delta::from_millis(1));
        }
    }
}
