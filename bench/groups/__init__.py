# SPDX-License-Identifier: GPL-2.0
"""The benchmarks, with one file for each group."""
