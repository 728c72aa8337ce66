package camera_test

import (
	"testing"

	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
)

func TestNumberIsReadBack(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {854, 480}, {426, 240}, {720, 1280}, {1920, 1080}, {64, 72}} {
		for _, n := range []uint16{0, 1, 0x5555, 0xaaaa, 0xfffe, 0xffff} {
			if got, ok := cameratest.ReadNumber(camera.Numbered(size[0], size[1], n), size[0], size[1]); !ok || got != n {
				t.Errorf("%v: read %d, %v; painted %d", size, got, ok, n)
			}
		}
	}
	if _, ok := cameratest.ReadNumber(make([]byte, 640*360), 640, 360); ok {
		t.Error("a number was read from a black picture")
	}
}
