// SPDX-License-Identifier: GPL-2.0

//! Asynchronous calls of a function on another CPU.
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

/// What a CPU is called for.
pub(crate) trait Function: Send + Sync + 'static {
    /// Runs on the CPU that was called, in a hard interrupt.
    fn run(&self);
}

/// C aligns its `call_single_data_t` to its size.
#[repr(C, align(32))]
struct Data(bindings::call_single_data_t);

const _: () = assert!(align_of::<Data>() >= bindings::CALL_SINGLE_DATA_ALIGN);

/// A call to one CPU. A call that is made before the one before it has begun to run is merged with
/// that.
///
/// # Invariants
///
/// - `data` holds [`AsyncCall::run`] and a pointer to this value.
/// - While `pending` is clear nobody uses `data`. Who sets it owns `data`, until giving it to C or
///   clearing the flag; C owns `data` until it calls `run`, which clears the flag.
/// - `running` is the number of calls that C has been given and whose `run` has not ended.
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

// SAFETY: By the type invariants `pending` says who may use `data`, and `F: Sync`.
unsafe impl<F: Function> Sync for AsyncCall<F> {}

impl<F: Function> AsyncCall<F> {
    /// Makes a call of `function` on `cpu`.
    pub(crate) fn new(cpu: CpuId, function: F) -> impl PinInit<Self> {
        // INVARIANT: The function and the pointer are written here, once and for all, for the value
        // is pinned; nothing is pending and nothing runs.
        pin_init!(&this in Self {
            data <- Opaque::ffi_init(|data: *mut Data| {
                let new = bindings::call_single_data_t {
                    func: Some(Self::run),
                    info: this.as_ptr().cast(),
                    ..pin_init::zeroed()
                };
                // SAFETY: The memory is there for it, and nobody else has it yet.
                unsafe { data.write(Data(new)) }
            }),
            pending: AtomicFlag::new(false),
            running: Atomic::new(0),
            cpu,
            function,
        })
    }

    /// The CPU that is called.
    #[inline]
    pub(crate) fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// The function.
    #[inline]
    pub(crate) fn function(&self) -> &F {
        &self.function
    }

    /// Calls the CPU, whose function sees all that was written before. Returns whether a call was
    /// sent; `false`: it was merged with one that has not begun to run. Does not wait.
    ///
    /// Any context will do but NMIs, in which the kernel would warn.
    ///
    /// # Errors
    ///
    /// - `ENXIO`: the CPU is offline.
    pub(crate) fn call(&self) -> Result<bool> {
        // Nobody comes between setting the flag and the call on this CPU: others would merge
        // theirs with one that has not been sent.
        // SAFETY: Preemption is enabled again at the end.
        unsafe { bindings::muennet_preempt_disable() };
        let sent = self.call_without_preemption();
        // SAFETY: It was disabled above.
        unsafe { bindings::muennet_preempt_enable() };
        sent
    }

    fn call_without_preemption(&self) -> Result<bool> {
        // SAFETY: The function reads a mask; the number is that of a CPU.
        if !unsafe { bindings::muennet_cpu_online(self.cpu.as_u32()) } {
            return Err(ENXIO);
        }
        // What was written before is seen by the `run` that clears the flag.
        if self.pending.xchg(true, Full) {
            return Ok(false);
        }
        // INVARIANT: The call is counted before C has it, for it may end at once.
        self.running.fetch_add(1, Relaxed);
        // CPU numbers are `int` in C.
        let cpu = self.cpu.as_u32() as c_int;
        // SAFETY:
        // - This caller has set the flag, so that by the type invariants nobody else uses `data`,
        //   which is initialised.
        // - `data` and what `run` uses live until `run` has ended, for which `drop` waits.
        // - The function takes any number, and returns `ENXIO` for a CPU that is not online.
        let error =
            unsafe { bindings::smp_call_function_single_async(cpu, self.data.get().cast()) };
        to_result(error).inspect_err(|_| {
            // INVARIANT: C has not taken it.
            self.running.fetch_add(-1, Relaxed);
            self.pending.store(false, Release);
        })?;
        Ok(true)
    }

    /// # Safety
    ///
    /// C calls it with the pointer that `data` holds, once for each call that has been sent, when
    /// it has done with `data`.
    unsafe extern "C" fn run(this: *mut c_void) {
        // SAFETY: The pointer is one to a value of this type. `drop` waits for the end of this
        // function, and what it has meanwhile is a reference to a pinned value, of which it only
        // reads atomics.
        let this = unsafe { &*this.cast::<Self>() };
        // Before the function: who finds the flag set relies on one that has not begun.
        this.pending.xchg(false, Full);
        this.function.run();
        // INVARIANT: This is the end; the value may be gone after it. The code stays: a module's is
        // freed after an RCU grace period, for which interrupts count as readers.
        this.running.fetch_add(-1, Release);
    }
}

#[pinned_drop]
impl<F: Function> PinnedDrop for AsyncCall<F> {
    fn drop(self: Pin<&mut Self>) {
        // Nobody makes calls any more, and a CPU answers those that it has got before it goes
        // offline.
        while self.running.load(Acquire) != 0 {
            fsleep(Delta::from_millis(1));
        }
    }
}
