"""Measurements that docs quote; each prints its command, machine and seed."""
