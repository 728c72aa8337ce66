package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/internal/sleep"
)

// disks are those that workers of this process keep something on, by what that is.
type disks struct {
	log *zap.Logger

	mu  sync.Mutex
	all map[string]disk.Floor // guarded by mu
}

func newDisks(log *zap.Logger) *disks { return &disks{log: log, all: map[string]disk.Floor{}} }

// watch has a disk looked after.
func (d *disks) watch(name string, f disk.Floor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[name] = f
}

func (d *disks) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.all))
}

func (d *disks) floor(name string) disk.Floor {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[name]
}

// short says why there is too little room on a disk; nil for one of other processes.
func (d *disks) short(name string) error { return d.floor(name).Short(0) }

// diskEvery is how often somebody looks whether a disk has become full.
const diskEvery = 5 * time.Second

// look says in the log when a disk is nearly full, and when it is no more, until ctx ends.
func (d *disks) look(ctx context.Context) {
	said := map[string]bool{}
	for {
		for _, name := range d.names() {
			err := d.short(name)
			switch {
			case err != nil && !said[name]:
				d.log.Error("nothing more is kept here; make room, or give another directory", zap.String("of", name), zap.Error(err))
			case err == nil && said[name]:
				d.log.Info("there is room again", zap.String("of", name))
			}
			said[name] = err != nil
		}
		if !sleep.For(ctx, diskEvery) {
			return
		}
	}
}

var (
	diskFree  = prometheus.NewDesc("pse_disk_free_bytes", "Free space where something is kept: of the bus, of files.", []string{"of"}, nil)
	diskFloor = prometheus.NewDesc("pse_disk_floor_bytes", "With less free no stream may begin (of the bus), and no file is taken (of files).", []string{"of"}, nil)
)

// Describe is prometheus's.
func (d *disks) Describe(ch chan<- *prometheus.Desc) { ch <- diskFree; ch <- diskFloor }

// Collect is prometheus's.
func (d *disks) Collect(ch chan<- prometheus.Metric) {
	for _, name := range d.names() {
		f := d.floor(name)
		if s, err := disk.Look(f.Path); err == nil {
			ch <- prometheus.MustNewConstMetric(diskFree, prometheus.GaugeValue, float64(s.Free), name)
			ch <- prometheus.MustNewConstMetric(diskFloor, prometheus.GaugeValue, float64(f.Bottom(s)), name)
		}
	}
}
