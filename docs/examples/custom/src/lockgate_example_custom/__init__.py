"""A kind of one's own: conversion of quantities, with a stream."""
